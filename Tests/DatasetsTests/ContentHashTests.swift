import Testing

@testable import Datasets

@Suite struct ContentHashTests {
  private func table(
    _ features: [Float], _ classes: [Int32] = [0, 1, 1], names: [String] = ["no", "yes"], column: String = "a"
  ) -> DatasetSplit {
    let data = Dataset(
      features: features, labels: .classes(classes, names: names), featureNames: [column], labelName: "y")
    return DatasetSplit(train: data, test: data.subset([0]))
  }

  @Test func equalSamplesHaveOneHashAndAnyOtherAnother() {
    let first = table([1, 2, 3])
    #expect(first.contentHash == table([1, 2, 3]).contentHash)
    let others = [
      table([1, 2, 4]), table([2, 1, 3]), table([-1, -2, 3]), table([1, 2, 3], [0, 1, 0]),
      table([1, 2, 3], names: ["yes", "no"]), table([1, 2, 3], column: "b"),
      DatasetSplit(train: first.train, test: first.train),
      DatasetSplit(train: first.train.subset([1, 2]), test: first.test), first.standardized(),
    ]
    #expect(Set(others.map(\.contentHash) + [first.contentHash]).count == others.count + 1)
  }

  @Test func aByteOfATextOrAPixelCounts() {
    func text(_ last: UInt8) -> DatasetSplit {
      let codes = CodeRows(text: [UInt8](repeating: 65, count: 40) + [last], context: 4)
      let data = Dataset(codes: codes, labels: .nextTokens(count: codes.count), labelName: "next")
      return DatasetSplit(train: data, test: data.subset([0]))
    }
    func image(_ last: UInt8) -> DatasetSplit {
      let pixels = NumberRows(pixels: [UInt8](repeating: 9, count: 8) + [last], shape: [3, 3, 1])
      let data = Dataset(numbers: pixels, labels: .values([1]), labelName: "v")
      return DatasetSplit(train: data, test: data.subset([]))
    }
    #expect(text(66).contentHash == text(66).contentHash && text(66).contentHash != text(67).contentHash)
    #expect(image(1).contentHash == image(1).contentHash && image(1).contentHash != image(2).contentHash)
  }
}
