import Datasets
import Testing

@Suite struct DigitsTests {
  @Test func thereAre1797ImagesOf64PixelsBetween0And1() {
    let digits = Digits.all
    #expect(digits.count == 1797)
    #expect(digits.featureCount == 64)
    #expect(digits.sampleShape == [8, 8, 1])
    #expect(digits.classNames == (0...9).map(String.init))
    #expect(digits.features.min() == 0)
    #expect(digits.features.max() == 1)
    #expect(Array(digits.features.prefix(8)) == [0, 0, 5, 13, 9, 1, 0, 0].map { Float($0) / 16 })
  }

  /// The numbers that scikit-learn documents for this set.
  @Test func eachDigitOccursAboutEquallyOften() {
    guard case .classes(let classes, _) = Digits.all.labels else {
      Issue.record("no classes")
      return
    }
    let counts = (0..<10).map { digit in classes.count { $0 == Int32(digit) } }
    #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
  }

  @Test func theSplitNeverChanges() {
    let split = Digits.split()
    #expect(split.train.count == 1457)
    #expect(split.test.count == 340)
    #expect(digest(of: split.train) == 3_744_379_298_435_775_071)
    #expect(digest(of: split.test) == 4_395_568_847_618_840_671)
  }

  @Test func noTestImageIsAlsoATrainingImage() {
    let split = Digits.split()
    let training = Set((0..<split.train.count).map { Array(row($0, of: split.train)) })
    #expect((0..<split.test.count).allSatisfy { !training.contains(Array(row($0, of: split.test))) })
  }

  @Test func everyDigitIsAmongTheTestImages() {
    guard case .classes(let classes, _) = Digits.split().test.labels else {
      Issue.record("no classes")
      return
    }
    for digit in 0..<10 { #expect(classes.count { $0 == Int32(digit) } >= 20, "digit \(digit)") }
  }

  private func row(_ sample: Int, of dataset: Dataset) -> ArraySlice<Float> {
    dataset.features[sample * dataset.featureCount..<(sample + 1) * dataset.featureCount]
  }

  private func digest(of dataset: Dataset) -> UInt64 {
    guard case .classes(let classes, _) = dataset.labels else { return 0 }
    return ContentHash.fnv1a(dataset.features.map { UInt8($0 * 16) } + classes.map { UInt8($0) })
  }
}
