import Testing

@testable import Checkpoints

@Suite struct WeightSourcesTests {
  typealias Parameter = WeightSources.Parameter

  static func file(_ folder: Folder, _ tensors: [(String, [Int])]) throws -> SafetensorsFile {
    let sources = tensors.map { name, shape in
      SafetensorsSource(name, shape: shape, (0..<shape.reduce(1, *)).map { Float($0) })
    }
    try SafetensorsFile.write(sources, to: folder.path("f"))
    return try SafetensorsFile(path: folder.path("f"))
  }

  static func values(_ sources: WeightSources, _ name: String) throws -> [Float] {
    let source = try #require(sources.sources.first { $0.parameter.name == name })
    let count = source.parameter.shape.reduce(1, *)
    return try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      try sources.read(source, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
  }

  @Test func whatIsMissingUnexpectedOrOfAnotherShapeIsListed() throws {
    let file = try Self.file(
      try Folder(),
      [("fc1.weight", [3, 2]), ("fc1.bias", [3]), ("fc2.weight", [5, 3]), ("steps", [1]), ("x.bias", [9])])
    let sources = WeightSources(
      [
        Parameter("hidden.0.weight", shape: [3, 2]), Parameter("hidden.0.bias", shape: [3]),
        Parameter("output.weight", shape: [3, 5]), Parameter("output.bias", shape: [5]),
        Parameter("head.bias", shape: [2]),
      ], from: file, mapping: try NameMapping(["fc1.=hidden.0.", "fc2.=output.", "x.=head."]))
    #expect(sources.sources.map(\.tensor.name) == ["fc1.weight", "fc1.bias"])
    #expect(sources.missing.map(\.name) == ["output.bias"])
    #expect(sources.unexpected.map(\.name) == ["steps"])
    let mismatches = sources.mismatches.sorted { $0.tensor.name < $1.tensor.name }
    #expect(mismatches.map(\.tensor.name) == ["fc2.weight", "x.bias"])
    #expect(mismatches.map(\.parameter.name) == ["output.weight", "head.bias"])
    #expect(
      mismatches.map(\.reason) == [
        .shape([5, 3], fitsOtherwise: true), .shape([9], fitsOtherwise: false),
      ])
  }

  @Test func twoTensorsOfOneNameAreAMismatchAndSoAreIntegers() throws {
    let folder = try Folder()
    try SafetensorsFile.write(
      [
        SafetensorsSource("a.x", shape: [1], [1] as [Float]),
        SafetensorsSource("b.x", shape: [1], [2] as [Float]),
        SafetensorsSource("y", shape: [1], [2] as [Int64]),
      ], to: folder.path("f"))
    let sources = WeightSources(
      [Parameter("x", shape: [1]), Parameter("y", shape: [1])],
      from: try SafetensorsFile(path: folder.path("f")),
      mapping: try NameMapping(["a.=", "b.="]))
    #expect(sources.mismatches.map(\.reason) == [.type, .taken(by: "a.x")])
    #expect(sources.missing.isEmpty)
  }

  /// Of 2, 3 and 4 axes, with more rows than a block, against the definition.
  @Test(arguments: [
    [3, 2], [130, 70], [1, 5], [5, 1], [4, 3, 5], [67, 2, 3], [6, 5, 3, 4], [65, 1, 2, 2],
  ])
  func transposedWeightsHaveTheirElementsInPlace(stored: [Int]) throws {
    let file = try Self.file(try Folder(), [("w.weight", stored)])
    let (outputs, inputs, kernel) = (stored[0], stored[1], Array(stored[2...]))
    let sources = WeightSources(
      [Parameter("w.weight", shape: kernel + [inputs, outputs])], from: file, transposes: true)
    let values = try Self.values(sources, "w.weight")
    let positions = kernel.reduce(1, *)
    for output in 0..<outputs {
      for input in 0..<inputs {
        for position in 0..<positions {
          let found = values[(position * inputs + input) * outputs + output]
          #expect(found == Float((output * inputs + input) * positions + position))
        }
      }
    }
  }

  @Test func tablesAndVectorsAreNotTransposedUnlessARuleSaysSo() throws {
    let shapes = [
      ("a.weight", [2, 2]), ("b.table", [2, 2]), ("c.bias", [2]), ("d.weight", [2, 2]), ("e.x", [2, 2]),
    ]
    let sources = WeightSources(
      shapes.map { Parameter($0, shape: $1) }, from: try Self.file(try Folder(), shapes),
      mapping: try NameMapping(["d.weight=d.weight as-is", "e.x=e.x transposed"]), transposes: true)
    #expect(sources.sources.map(\.isTransposed) == [true, false, false, false, true])
    #expect(try Self.values(sources, "a.weight") == [0, 2, 1, 3])
    #expect(try Self.values(sources, "b.table") == [0, 1, 2, 3])
    #expect(try Self.values(sources, "e.x") == [0, 2, 1, 3])
  }
}
