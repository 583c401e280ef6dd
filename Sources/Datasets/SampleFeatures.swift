/// The features of one sample as a network is given them: numbers standardized, words and letters coded, sequences padded.
public struct SampleFeatures: Sendable, Equatable {
  /// Row-major, as many as the shape of the numbers has; none where there are no numbers.
  public internal(set) var numbers: [Float] = []
  /// As many as the shape of the codes has; none where there are no codes.
  public internal(set) var codes: [Int32] = []
  /// Codes before padding.
  public internal(set) var length: Int32 = 0

  public init() {}
}

/// Samples without labels, one after another as they come in.
public protocol SampleStream: AnyObject {
  /// Reads the next sample.
  ///
  /// - Parameter waits: false reads only what is in memory already as a whole.
  /// - Returns: whether there was one. With `waits`, false is the end.
  /// - Throws: what is wrong with the sample, and at which line. Nothing is left out.
  func next(into sample: inout SampleFeatures, waits: Bool) throws(DatasetError) -> Bool
}
