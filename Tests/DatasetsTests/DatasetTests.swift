import Datasets
import Testing

@Suite struct DatasetTests {
  static func numbered(count: Int, width: Int) -> Dataset {
    Dataset(
      features: (0..<count * width).map(Float.init), labels: .values((0..<count).map { Float($0) * 10 }),
      featureNames: (0..<width).map { "x\($0)" }, labelName: "y")
  }

  @Test(arguments: [0, 1, 3, 8])
  func gatherCopiesTheChosenRowsInOrder(chosen: Int) {
    let dataset = Self.numbered(count: 9, width: 3)
    let samples = (0..<chosen).map { ($0 * 7 + 2) % 9 }
    var rows = [Float](repeating: -1, count: chosen * 3)
    var values = [Float](repeating: -1, count: chosen)
    var rowsSpan = rows.mutableSpan
    dataset.gather(samples.span, into: &rowsSpan)
    var valuesSpan = values.mutableSpan
    dataset.gatherValues(samples.span, into: &valuesSpan)
    #expect(rows == samples.flatMap { sample in (0..<3).map { Float(sample * 3 + $0) } })
    #expect(values == samples.map { Float($0) * 10 })
    let subset = dataset.subset(samples)
    #expect(subset.features == rows)
    #expect(subset.labels == .values(values))
  }

  @Test func gatherCopiesClasses() {
    let dataset = Dataset(
      features: [1, 2, 3], labels: .classes([2, 0, 1], names: ["a", "b", "c"]), featureNames: ["x"],
      labelName: "y")
    var classes = [Int32](repeating: -1, count: 4)
    var span = classes.mutableSpan
    dataset.gatherClasses([0, 2, 2, 1].span, into: &span)
    #expect(classes == [2, 1, 1, 0])
    #expect(dataset.subset([2]).labels == .classes([1], names: ["a", "b", "c"]))
  }

  @Test(arguments: [0, 0.1, 0.2, 0.5])
  func aSplitHoldsOutAboutTheFractionAskedFor(fraction: Double) {
    let dataset = Self.numbered(count: 10_000, width: 1)
    let split = dataset.split(testFraction: fraction, seed: 3)
    // Six deviations of a binomial count.
    let tolerance = 6 * (10_000 * fraction * (1 - fraction)).squareRoot()
    #expect(abs(Double(split.test.count) - fraction * 10_000) <= tolerance)
    #expect((split.train.features + split.test.features).sorted() == dataset.features)
    #expect(split == dataset.split(testFraction: fraction, seed: 3))
    if fraction > 0 { #expect(split != dataset.split(testFraction: fraction, seed: 4)) }
  }

  @Test func rowsAddedAtTheEndMoveNoOtherRow() {
    let short = Self.numbered(count: 500, width: 1).split(testFraction: 0.2, seed: 1)
    let long = Self.numbered(count: 600, width: 1).split(testFraction: 0.2, seed: 1)
    #expect(long.test.features.filter { $0 < 500 } == short.test.features)
  }

  @Test func standardizationIsMeasuredOnTheTrainingPartOnly() {
    let features: [Float] = [1, 5, 7, 3, 5, 7, 101, 105, 107]
    let dataset = Dataset(
      features: features, labels: .values([0, 0, 0]), featureNames: ["a", "b", "c"], labelName: "y")
    let split = dataset.split { $0 == 2 }.standardized()
    // Column a: 1 and 3 have mean 2 and deviation 1; b and c are constant, so only shifted.
    #expect(split.train.features == [-1, 0, 0, 1, 0, 0])
    #expect(split.test.features == [99, 100, 100])
    #expect(split.standardization == Standardization(means: [2, 5, 7], scales: [1, 1, 1]))
  }

  /// A deviation of 1e-39 has an inverse that no float holds.
  @Test func standardizedNumbersAreFiniteHoweverSmallTheyWere() {
    let tiny = 700_000 * Float.leastNonzeroMagnitude
    let dataset = Dataset(
      features: [0, 2 * tiny], labels: .values([0, 0]), featureNames: ["a"], labelName: "y")
    let split = dataset.split { _ in false }.standardized()
    #expect(split.train.features == [-tiny, tiny])
  }
}
