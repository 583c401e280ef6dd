import Testing

@testable import Checkpoints

@Suite struct SafetensorsFileTests {
  static let metadata = ["step": "12 \"x\"\u{7}é"]

  static var sources: [SafetensorsSource] {
    [
      SafetensorsSource("b.weight", shape: [2, 3], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] as [Float]),
      SafetensorsSource("a", shape: [2], [1, -2] as [Int32]),
      SafetensorsSource("n", shape: [], [7] as [Int64]),
      SafetensorsSource("empty", shape: [0, 4], [] as [Float]),
      SafetensorsSource("é\"\\\n\u{1}", shape: [1], [1.5] as [Float]),
    ]
  }

  /// What `safetensors.numpy.save` of version 0.8.0 makes of the same tensors and metadata.
  static let known: [UInt8] =
    [0x58, 0x01, 0, 0, 0, 0, 0, 0]
    + Array(
      (#"{"__metadata__":{"step":"12 \"x\"\u0007é"},"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"#
        + #""b.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]},"#
        + #""empty":{"dtype":"F32","shape":[0,4],"data_offsets":[32,32]},"#
        + #""é\"\\\n\u0001":{"dtype":"F32","shape":[1],"data_offsets":[32,36]},"#
        + #""a":{"dtype":"I32","shape":[2],"data_offsets":[36,44]}} "#).utf8)
    + [
      0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0xC0, 0x00, 0x00, 0xC0, 0xBF, 0x00,
      0x00, 0x00, 0xBF, 0x00, 0x00, 0x00, 0x3F, 0x00, 0x00, 0xC0, 0x3F, 0x00, 0x00, 0x20, 0x40, 0x00, 0x00,
      0xC0, 0x3F, 0x01, 0x00, 0x00, 0x00, 0xFE, 0xFF, 0xFF, 0xFF,
    ]

  @Test func aFileHasTheBytesOfTheReferenceImplementation() throws {
    let folder = try Folder()
    for sources in [Self.sources, Self.sources.reversed()] {
      let bytes = try SafetensorsFile.write(
        sources, metadata: Self.metadata, to: folder.path("a.safetensors"))
      #expect(try folder.bytes("a.safetensors") == Self.known)
      #expect(bytes == Self.known.count)
      #expect(bytes % 8 == 4)
    }
    #expect(try folder.names() == ["a.safetensors"])
  }

  @Test func aFileOfTheReferenceImplementationIsRead() throws {
    let folder = try Folder(["a.safetensors": Self.known])
    let file = try SafetensorsFile(path: folder.path("a.safetensors"))
    #expect(file.metadata == Self.metadata)
    #expect(file.tensors.map(\.name) == ["n", "b.weight", "empty", "é\"\\\n\u{1}", "a"])
    #expect(file.tensors.map(\.shape) == [[], [2, 3], [0, 4], [1], [2]])
    #expect(try file.floats("b.weight") == [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    #expect(try file.floats("empty") == [])
    #expect(try file.integers("a") == [1, -2])
    #expect(try file.integers("n") == [7])
    var elements = [Float](repeating: 0, count: 6)
    var span = elements.mutableSpan
    try file.read("b.weight", into: &span)
    #expect(elements == [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
  }

  @Test func elementsComeBackBitForBit() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    let folder = try Folder()
    for count in [0, 1, 7, 65_535, 65_537, 200_000] {
      // Any bits: NaNs with their payload, infinities, subnormal numbers.
      let elements = (0..<count).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
      let integers = (0..<count).map { _ in Int64(bitPattern: random.next()) }
      _ = try elements.withUnsafeBufferPointer { memory in
        try SafetensorsFile.write(
          [
            SafetensorsSource("x", shape: [count, 1], memory),
            SafetensorsSource("i", shape: [count], integers),
          ], to: folder.path("x"))
      }
      let file = try SafetensorsFile(path: folder.path("x"))
      #expect(try file.floats("x").map(\.bitPattern) == elements.map(\.bitPattern), "seed \(seed)")
      #expect(try file.integers("i") == integers, "seed \(seed)")
      #expect(file.metadata.isEmpty)
    }
  }

  /// All 65,536 patterns of 16 bits, more than one block of them.
  @Test func halfPrecisionIsExpandedExactly() throws {
    let halves = (0...UInt16.max).map { $0 } + [0x3F80, 0x3C00]
    let folder = try Folder([
      "h": Malformed.file(
        #"{"b":{"dtype":"BF16","shape":[65538],"data_offsets":[0,131076]},"f":{"dtype":"F16","shape":[65538],"data_offsets":[131076,262152]}}"#,
        data: (halves + halves).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
    ])
    let file = try SafetensorsFile(path: folder.path("h"))
    let (wide, narrow) = (try file.floats("b"), try file.floats("f"))
    #expect(zip(wide, halves).allSatisfy { $0.bitPattern == UInt32($1) << 16 })
    for (float, half) in zip(narrow, halves) {
      // 1 sign bit, 5 of exponent, 10 of fraction.
      let (exponent, fraction) = (Int(half >> 10 & 31), Float(half & 1023))
      let sign: Float = half >> 15 == 1 ? -1 : 1
      let expected =
        switch exponent {
        case 31: fraction == 0 ? sign * Float.infinity : .nan
        case 0: sign * fraction * 0x1p-24
        default: sign * (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
        }
      guard float == expected || float.isNaN && expected.isNaN else {
        Issue.record("\(half): expected \(expected), found \(float)")
        return
      }
    }
  }

  @Test func whatIsNotThereOrNotReadIsNamed() throws {
    let folder = try Folder(["a": Self.known])
    let file = try SafetensorsFile(path: folder.path("a"))
    var error = #expect(throws: CheckpointError.self) { try file.floats("c") }
    #expect(error?.problem.hasPrefix("there is no tensor \"c\" among 5: n, b.weight, empty, ") == true)
    error = #expect(throws: CheckpointError.self) { try file.floats("n") }
    #expect(error?.problem == "tensor \"n\" has elements of I64, expected F32, BF16 or F16")
    error = #expect(throws: CheckpointError.self) { try file.integers("b.weight") }
    #expect(error?.problem == "tensor \"b.weight\" has elements of F32, expected I32 or I64")
    error = #expect(throws: CheckpointError.self) {
      var elements = [Float](repeating: 0, count: 5)
      var span = elements.mutableSpan
      try file.read("b.weight", into: &span)
    }
    #expect(error?.problem == "tensor \"b.weight\" has 6 elements, shape [2, 3], expected 5")
  }
}
