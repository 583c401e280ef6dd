/// Features that are int32 codes: tokens of a text, letters of a sequence, categories of a table. Immutable; copies share their storage.
public struct CodeRows: Sendable, Equatable {
  enum Storage: Sendable, Equatable {
    /// Row-major.
    case rows([Int32])
    case slices(ByteSlices)
  }

  /// Of one sample: [columns] of a table, [positions] of a text or sequence.
  public let shape: [Int]
  /// One for each column of a table, one in all for a text or sequences.
  public let vocabularies: [Vocabulary]
  let storage: Storage
  /// Whether each window has a byte after it, so that it has a next token at every position.
  let hasNextTokens: Bool

  /// Bytes in memory.
  var byteCount: Int {
    switch storage {
    case .rows(let codes): codes.count * MemoryLayout<Int32>.stride
    case .slices(let slices): slices.byteCount
    }
  }

  /// Codes of a sample.
  public var width: Int { shape.reduce(1, *) }

  /// Samples.
  public var count: Int {
    switch storage {
    case .rows(let codes): codes.count / width
    case .slices(let slices): slices.starts.count
    }
  }

  /// - Parameters:
  ///   - codes: row-major, samples first; each inside its vocabulary.
  ///   - shape: of one sample, extents of at least 1.
  ///   - vocabularies: one for each code of a sample, or one for all.
  public init(_ codes: [Int32], shape: [Int], vocabularies: [Vocabulary]) {
    precondition(
      !shape.isEmpty && shape.allSatisfy { $0 >= 1 },
      "CodeRows: expected extents of at least 1, found \(shape)")
    let width = shape.reduce(1, *)
    precondition(
      codes.count.isMultiple(of: width),
      "CodeRows: expected whole samples of \(width) codes, found \(codes.count) codes")
    precondition(
      vocabularies.count == 1 || vocabularies.count == width,
      "CodeRows: expected 1 or \(width) vocabularies, found \(vocabularies.count)")
    let counts = vocabularies.map(\.count)
    for (i, code) in codes.enumerated() {
      let count = counts[i % counts.count]
      precondition(0 <= code && code < count, "CodeRows: a code is \(code), outside 0..<\(count)")
    }
    self.init(.rows(codes), shape: shape, vocabularies: vocabularies)
  }

  /// Windows of a text, for a model that predicts each next byte.
  ///
  /// - Parameters:
  ///   - range: the part of the text to take; nil for all of it.
  ///   - context: bytes of a sample, at least 1. The byte after a window belongs to its labels.
  ///   - stride: bytes from the start of one window to that of the next; nil for `context`, so that each byte is a label once.
  public init(text: [UInt8], in range: Range<Int>? = nil, context: Int, stride: Int? = nil) {
    let range = range ?? 0..<text.count
    precondition(
      range.lowerBound >= 0 && range.upperBound <= text.count,
      "CodeRows: expected a range inside 0..<\(text.count), found \(range)")
    let windows = ByteSlices(text: text, in: range, width: context, stride: stride ?? context)
    self.init(.slices(windows), shape: [context], vocabularies: [.bytes], hasNextTokens: true)
  }

  /// Sequences of different lengths, padded to `length` with 0.
  ///
  /// - Parameters:
  ///   - codes: of all sequences, one sequence after another, inside the vocabulary.
  ///   - lengths: codes of each sequence, at most `length`.
  public init(sequences codes: [UInt8], lengths: [Int32], length: Int, vocabulary: Vocabulary) {
    var starts: [Int] = []
    starts.reserveCapacity(lengths.count)
    var end = 0
    for own in lengths {
      precondition(0 <= own && own <= length, "CodeRows: a sequence of \(own) codes, outside 0...\(length)")
      starts.append(end)
      end += Int(own)
    }
    precondition(end == codes.count, "CodeRows: expected \(end) codes, found \(codes.count)")
    let slices = ByteSlices(bytes: codes, starts: .listed(starts), lengths: lengths, width: length)
    self.init(.slices(slices), shape: [length], vocabularies: [vocabulary])
  }

  init(_ storage: Storage, shape: [Int], vocabularies: [Vocabulary], hasNextTokens: Bool = false) {
    self.storage = storage
    self.shape = shape
    self.vocabularies = vocabularies
    self.hasNextTokens = hasNextTokens
  }

  /// Codes before padding, for each sample; nil where nothing is padded.
  public var lengths: [Int32]? {
    if case .slices(let slices) = storage { slices.lengths } else { nil }
  }

  func subset(_ samples: [Int]) -> CodeRows {
    switch storage {
    case .rows(let codes):
      var chosen: [Int32] = []
      chosen.reserveCapacity(samples.count * width)
      for sample in samples { chosen += codes[sample * width..<(sample + 1) * width] }
      return CodeRows(.rows(chosen), shape: shape, vocabularies: vocabularies)
    case .slices(let slices):
      return CodeRows(
        .slices(slices.subset(samples)), shape: shape, vocabularies: vocabularies,
        hasNextTokens: hasNextTokens)
    }
  }

  /// Copies the codes of `samples`, one row after another; the target may be uninitialised.
  func gather(_ samples: UnsafeBufferPointer<Int>, into rows: UnsafeMutablePointer<Int32>) {
    switch storage {
    case .rows(let codes):
      let (width, count) = (width, codes.count / width)
      codes.withUnsafeBufferPointer { codes in
        for (row, sample) in samples.enumerated() {
          precondition(0 <= sample && sample < count, "Dataset.gather: no sample \(sample) among \(count)")
          (rows + row * width).initialize(from: codes.baseAddress! + sample * width, count: width)
        }
      }
    case .slices(let slices):
      slices.gather(samples, into: rows)
    }
  }

  /// Copies the byte after each position of `samples`, one row after another.
  func gatherNextTokens(_ samples: UnsafeBufferPointer<Int>, into rows: UnsafeMutablePointer<Int32>) {
    guard case .slices(let slices) = storage, hasNextTokens else {
      preconditionFailure("Dataset.gatherNextTokens: the labels are no next tokens")
    }
    slices.gather(samples, shift: 1, into: rows)
  }

  /// Copies the codes before padding of each of `samples`: all of them where nothing is padded.
  func gatherLengths(_ samples: UnsafeBufferPointer<Int>, into lengths: UnsafeMutablePointer<Int32>) {
    let (width, all) = (Int32(width), self.lengths)
    for (row, sample) in samples.enumerated() { (lengths + row).initialize(to: all?[sample] ?? width) }
  }
}

// Categories are learned from samples.
extension CodeRows {
  /// Words that no sample here has, of columns with categories, lose their code: they are unknown to who learns from these samples.
  ///
  /// - Returns: what the new codes stand for, and each column's new code of each old one; nil where nothing changes.
  func learned() -> (vocabularies: [Vocabulary], newCodes: [[Int32]])? {
    guard case .rows(let codes) = storage, vocabularies.count == width else { return nil }
    var isUsed = vocabularies.map { [Bool](repeating: false, count: $0.count) }
    for start in stride(from: 0, to: codes.count, by: width) {
      for column in 0..<width { isUsed[column][Int(codes[start + column])] = true }
    }
    var learned = vocabularies
    var newCodes = vocabularies.map { Array(0..<Int32($0.count)) }
    for (column, vocabulary) in vocabularies.enumerated() {
      guard case .categories(let name, let words) = vocabulary else { continue }
      var known: [String] = []
      for (word, code) in zip(words, 1...) {
        if isUsed[column][code] { known.append(word) }
        newCodes[column][code] = isUsed[column][code] ? Int32(known.count) : 0
      }
      learned[column] = .categories(column: name, words: known)
    }
    return learned == vocabularies ? nil : (learned, newCodes)
  }

  /// The same samples with other codes, as ``learned()`` says.
  func recoded(_ vocabularies: [Vocabulary], _ newCodes: [[Int32]]) -> CodeRows {
    guard case .rows(var codes) = storage else { return self }
    for start in stride(from: 0, to: codes.count, by: width) {
      for column in 0..<width { codes[start + column] = newCodes[column][Int(codes[start + column])] }
    }
    return CodeRows(.rows(codes), shape: shape, vocabularies: vocabularies)
  }
}
