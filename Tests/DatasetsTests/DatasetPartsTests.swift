import Datasets
import Testing

/// What `gather` gives, as arrays.
extension Dataset {
  func gatheredNumbers(_ samples: [Int]) -> [Float] {
    var rows = [Float](repeating: -1, count: samples.count * featureCount)
    var span = rows.mutableSpan
    gather(samples.span, into: &span)
    return rows
  }

  func gatheredCodes(_ samples: [Int]) -> [Int32] {
    var rows = [Int32](repeating: -1, count: samples.count * (codes?.width ?? 0))
    var span = rows.mutableSpan
    gather(samples.span, into: &span)
    return rows
  }

  func gatheredNextTokens(_ samples: [Int]) -> [Int32] {
    var rows = [Int32](repeating: -1, count: samples.count * (codes?.width ?? 0))
    var span = rows.mutableSpan
    gatherNextTokens(samples.span, into: &span)
    return rows
  }

  func gatheredLengths(_ samples: [Int]) -> [Int32] {
    var lengths = [Int32](repeating: -1, count: samples.count)
    var span = lengths.mutableSpan
    gatherLengths(samples.span, into: &span)
    return lengths
  }
}

@Suite struct ImageRowsTests {
  static let images = Dataset(
    numbers: NumberRows(pixels: Array(0..<24) + Array(232...255), shape: [3, 4, 2]),
    labels: .classes([0, 1], names: ["dark", "light"]), labelName: "y")

  @Test func pixelsAreGatheredAsNumbersFrom0To1() {
    #expect(Self.images.sampleShape == [3, 4, 2])
    #expect(Self.images.featureCount == 24)
    let expected = (232...255).map { Float($0) / 255 } + (0..<24).map { Float($0) / 255 }
    #expect(Self.images.gatheredNumbers([1, 0]) == expected)
    #expect(expected[23] == 1)
    #expect(Self.images.subset([1]).features == Array(expected.prefix(24)))
    #expect(Self.images.subset([1]).sampleShape == [3, 4, 2])
  }

  /// Pixels that are standardized as they are gathered have the bits of floats standardized in memory.
  @Test func standardizedPixelsAreThoseOfStandardizedFloats() {
    let floats = Dataset(
      numbers: NumberRows(Self.images.features, shape: [3, 4, 2]), labels: Self.images.labels, labelName: "y")
    let split = Self.images.split { $0 == 1 }.standardized()
    let expected = floats.split { $0 == 1 }.standardized()
    #expect(split.standardization == expected.standardization)
    #expect(split.train.features == expected.train.features)
    #expect(split.test.gatheredNumbers([0]) == expected.test.features)
    #expect(split.train.features.allSatisfy { $0 == 0 })
  }
}

@Suite struct TextRowsTests {
  static func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) } }

  static func windows(_ text: [UInt8], context: Int, stride: Int? = nil) -> Dataset {
    let codes = CodeRows(text: text, context: context, stride: stride)
    return Dataset(codes: codes, labels: .nextTokens(count: codes.count), labelName: "next byte")
  }

  @Test(arguments: [1, 2, 7, 64], [1, 2, 3, 7, 100])
  func aLabelIsTheByteAfterItsToken(context: Int, stride: Int) {
    for count in [0, 1, context, context + 1, context + 2, 2 * context, 2 * context + 1, 300] {
      let text = Self.text(count)
      let dataset = Self.windows(text, context: context, stride: stride)
      let starts = Swift.stride(from: 0, to: max(0, count - context), by: stride).map { $0 }
      #expect(dataset.count == starts.count)
      #expect(dataset.sampleShape == [context])
      let samples = Array(starts.indices.reversed())
      #expect(
        dataset.gatheredCodes(samples)
          == samples.flatMap { text[starts[$0]..<starts[$0] + context].map { Int32($0) } })
      #expect(
        dataset.gatheredNextTokens(samples)
          == samples.flatMap { text[starts[$0] + 1...starts[$0] + context].map { Int32($0) } })
    }
  }

  @Test func byDefaultEachByteIsALabelOnce() {
    let text = Self.text(641)
    let dataset = Self.windows(text, context: 64)
    #expect(dataset.count == 10)
    #expect(dataset.gatheredNextTokens(Array(0..<10)) == text.dropFirst().map { Int32($0) })
    #expect(dataset.gatheredLengths([3, 1]) == [64, 64])
  }

  @Test func aSubsetKeepsItsWindows() {
    let dataset = Self.windows(Self.text(500), context: 16, stride: 5)
    let subset = dataset.subset([40, 2, 7]).subset([2, 0])
    #expect(subset.count == 2)
    #expect(subset.gatheredCodes([0, 1]) == dataset.gatheredCodes([7, 40]))
    #expect(subset.gatheredNextTokens([0, 1]) == dataset.gatheredNextTokens([7, 40]))
  }
}

@Suite struct SequenceRowsTests {
  static let sequences = Dataset(
    codes: CodeRows(
      sequences: [1, 2, 3, 4, 4, 1], lengths: [3, 0, 1, 2], length: 4, vocabulary: .nucleotides),
    labels: .values([1, 2, 3, 4]), labelName: "y")

  @Test func sequencesArePaddedWithZeros() {
    #expect(Self.sequences.gatheredCodes([0, 1, 2, 3]) == [1, 2, 3, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 1, 0, 0])
    #expect(Self.sequences.gatheredLengths([3, 0, 1]) == [2, 3, 0])
  }

  @Test func subsetsHaveTheirOwnLengths() {
    let subset = Self.sequences.subset([3, 0])
    #expect(subset.gatheredCodes([0, 1]) == [4, 1, 0, 0, 1, 2, 3, 0])
    #expect(subset.gatheredLengths([0, 1]) == [2, 3])
    #expect(subset.codes?.lengths == [2, 3])
  }
}

@Suite struct CategoryRowsTests {
  /// Two columns of categories and one number.
  static let table = Dataset(
    numbers: NumberRows([10, 20, 30, 40], shape: [1], names: ["amount"]),
    codes: CodeRows(
      [1, 3, 2, 0, 3, 2, 1, 1], shape: [2],
      vocabularies: [
        .categories(column: "shop", words: ["a", "b", "c"]),
        .categories(column: "land", words: ["x", "y", "z"]),
      ]), labels: .classes([0, 1, 0, 1], names: ["good", "bad"]), labelName: "y")

  @Test func bothKindsOfFeaturesAreGathered() {
    #expect(Self.table.gatheredNumbers([2, 0]) == [30, 10])
    #expect(Self.table.gatheredCodes([2, 0]) == [3, 2, 1, 3])
    #expect(Self.table.codes?.vocabularies.map(\.count) == [4, 4])
  }

  @Test func aSplitLearnsCategoriesOnItsTrainingPart() {
    // Row 1 is held out: only it has b. Rows 0, 2, 3 have a, c and z, y, x.
    let split = Self.table.split { $0 == 1 }
    let vocabularies: [Vocabulary] = [
      .categories(column: "shop", words: ["a", "c"]), .categories(column: "land", words: ["x", "y", "z"]),
    ]
    #expect(split.train.codes?.vocabularies == vocabularies)
    #expect(split.test.codes?.vocabularies == vocabularies)
    #expect(split.train.gatheredCodes([0, 1, 2]) == [1, 3, 2, 2, 1, 1])
    #expect(split.test.gatheredCodes([0]) == [0, 0])
    #expect(split.test.features == [20])
  }

  @Test func standardizingLeavesCodes() {
    let split = Self.table.split { $0 == 1 }
    #expect(split.standardized().train.codes == split.train.codes)
    #expect(split.standardized().train.features != split.train.features)
    let codesOnly = Dataset(codes: Self.table.codes, labels: Self.table.labels, labelName: "y").split { _ in
      false
    }
    #expect(codesOnly.standardized().train == codesOnly.train)
  }
}
