/// A text for a language model: each byte of the file is a token, whatever its encoding. The file may be packed with gzip.
///
/// A sample is a window of `context` bytes; its labels are, at each position, the next byte. Windows are made as they are gathered, so
/// memory holds the text once.
public struct TextFile: Sendable, Equatable {
  public var path: String
  /// Tokens of a sample.
  public var context: Int
  /// Bytes from the start of one window to the start of the next; nil for `context`: each byte is a label once an epoch.
  public var stride: Int?

  /// - Precondition: `context` and `stride` are at least 1.
  public init(path: String, context: Int, stride: Int? = nil) {
    precondition(context >= 1 && stride ?? 1 >= 1, "TextFile: expected a context and a stride of at least 1")
    self.path = path
    self.context = context
    self.stride = stride
  }

  /// All of the text.
  public func load() throws(DatasetError) -> Dataset {
    let text = try FileBytes.open(path: path).readToEnd()
    return try windows(of: text, in: 0..<text.count, part: "the text")
  }

  /// The end of the text is the test part: no window has bytes of both parts.
  ///
  /// - Parameter testFraction: in 0..<1; of the bytes. For 0 there are no test samples.
  public func load(testFraction: Double) throws(DatasetError) -> DatasetSplit {
    precondition((0..<1).contains(testFraction), "TextFile.load: expected a fraction in 0..<1")
    let text = try FileBytes.open(path: path).readToEnd()
    let cut = text.count - Int(Double(text.count) * testFraction)
    let train = try windows(of: text, in: 0..<cut, part: "the training part")
    if testFraction == 0 { return DatasetSplit(train: train, test: train.subset([])) }
    return DatasetSplit(
      train: train, test: try windows(of: text, in: cut..<text.count, part: "the test part"))
  }

  /// This text for training, another for the test.
  public func load(testPath: String) throws(DatasetError) -> DatasetSplit {
    var test = self
    test.path = testPath
    return DatasetSplit(train: try load(), test: try test.load())
  }

  private func windows(
    of text: [UInt8], in range: Range<Int>, part: String
  ) throws(DatasetError) -> Dataset {
    guard range.count > context else {
      throw DatasetError(
        "\(part) has \(range.count) bytes, and a sample takes \(context) and the one after them; choose a smaller context "
          + "or a longer text", path: path)
    }
    let codes = CodeRows(text: text, in: range, context: context, stride: stride)
    return Dataset(codes: codes, labels: .nextTokens(count: codes.count), labelName: "next byte")
  }
}
