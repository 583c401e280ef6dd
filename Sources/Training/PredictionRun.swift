import Datasets

/// Predicts from a stream of samples, a line each as they come in.
public struct PredictionRun {
  private let predictor: Predictor
  private let format: PredictionFormat

  public init(_ predictor: Predictor, format: PredictionFormat.Kind) {
    self.predictor = predictor
    self.format = PredictionFormat(format, classNames: predictor.classNames)
  }

  /// Reads to the end of the stream, or until nobody wants more.
  ///
  /// A sample waits for no other: samples are computed together, up to the predictor's batch, only when they are there already.
  ///
  /// - Parameter write: takes one line without its line feed, at once, and says whether to go on.
  /// - Throws: what is wrong with a sample, when all before it are written. None is left out.
  public func run(_ samples: any SampleStream, write: (String) throws -> Bool) throws {
    if let header = format.header, try !write(header) { return }
    var batch = Array(repeating: SampleFeatures(), count: predictor.batch)
    while try samples.next(into: &batch[0], waits: true) {
      var count = 1
      var failure: DatasetError?
      while count < batch.count, failure == nil {
        do throws(DatasetError) {
          guard try samples.next(into: &batch[count], waits: false) else { break }
          count += 1
        } catch { failure = error }
      }
      for prediction in predictor.predict(batch[..<count]) {
        guard try write(format.line(prediction)) else { return }
      }
      if let failure { throw failure }
    }
  }
}
