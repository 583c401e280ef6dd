import Foundation
import Testing

@testable import Datasets

@Suite struct PreprocessingTests {
  /// Of each kind of features and labels.
  static func splits() throws -> [DatasetSplit] {
    let table = try TemporaryFile("a,c,y\n1.1,x,no\n2.7,\"y, z\",yes\n-3,,no\n0.1,x,yes\n")
    let text = try TemporaryFile(String(repeating: "abc", count: 20), extension: "txt")
    let sequences = try TemporaryFile("1.5\tACGT\n2.25\tGG\n", extension: "tsv")
    return [
      try CSVFile(path: table.path, label: "y", categorical: ["c"]).load().split { $0 == 3 }.standardized(),
      Digits.split(), try TextFile(path: text.path, context: 4).load(testFraction: 0.3),
      try SequenceFile(path: sequences.path, alphabet: .nucleotides).load().split { $0 == 1 },
    ]
  }

  @Test func jsonGivesTheSameBack() throws {
    for split in try Self.splits() {
      let preprocessing = Preprocessing(of: split)
      let json = try JSONEncoder().encode(preprocessing)
      #expect(try JSONDecoder().decode(Preprocessing.self, from: json) == preprocessing)
      #expect(preprocessing.fault == nil)
    }
  }

  @Test func theTemplateHasEverythingButSamples() throws {
    for split in try Self.splits() {
      let template = Preprocessing(of: split).template
      #expect(template.count == 0)
      let empty = split.train.subset([])
      #expect(template.sampleShape == empty.sampleShape && template.featureNames == empty.featureNames)
      #expect(template.codes?.vocabularies == empty.codes?.vocabularies)
      #expect(template.labels == empty.labels && template.labelName == empty.labelName)
    }
  }

  @Test func whatCannotHaveBeenWrittenIsAFault() throws {
    let valid = Preprocessing(of: try Self.splits()[0])
    let changes: [(inout Preprocessing) -> Void] = [
      { ($0.numbers, $0.codes) = (nil, nil) }, { $0.numbers?.shape = [] }, { $0.numbers?.shape = [0] },
      { $0.numbers?.shape = [1 << 40, 1 << 40] }, { $0.numbers?.names = ["a", "b"] },
      { $0.codes?.shape = [-1] }, { $0.codes?.vocabularies += [.bytes, .bytes] },
      { $0.label.kind = .nextTokens }, { $0.label.classes = nil }, { $0.numbers = nil },
      { $0.label.classes? = ["a", "b", "a"] },
      {
        let words = ["u", "v", "u"]
        $0.codes = .init(shape: [1], vocabularies: [.categories(column: "c", words: words)])
      },
    ]
    for (index, change) in changes.enumerated() {
      var broken = valid
      change(&broken)
      #expect(broken.fault != nil, "change \(index)")
    }
    let scales = try JSONDecoder().decode(
      Standardization.self, from: Data("{\"means\": [1], \"scales\": []}".utf8))
    var broken = valid
    broken.standardization = scales
    #expect(broken.fault != nil)
  }
}
