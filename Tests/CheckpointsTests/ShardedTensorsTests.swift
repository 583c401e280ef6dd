import Testing

@testable import Checkpoints

@Suite struct ShardedTensorsTests {
  /// Writes each list of pieces as a file.
  static func files(_ folder: Folder, _ files: [[(name: String, elements: [Float])]]) throws
    -> [SafetensorsFile]
  {
    try files.enumerated().map { index, pieces in
      let sources = pieces.map { SafetensorsSource($0.name, shape: [$0.elements.count], $0.elements) }
      let path = folder.path("shard-\(index)")
      try SafetensorsFile.write(sources, to: path)
      return try SafetensorsFile(path: path)
    }
  }

  /// P ranks write each a run of the elements of all tensors, Q ranks read each another run.
  @Test func anyNumberOfRanksReadsWhatAnyNumberWrote() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for _ in 0..<30 {
      let (writers, readers) = (Int.random(in: 1...6, using: &random), Int.random(in: 1...6, using: &random))
      let tensors = (0..<Int.random(in: 1...4, using: &random)).map { number in
        (
          name: "mean.block@\(number).weight",
          elements: (0..<Int.random(in: 0...40, using: &random)).map { _ in
            Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x7F7F_FFFF)
          }
        )
      }
      let count = tensors.reduce(0) { $0 + $1.elements.count }
      func parts(_ ranks: Int) -> [Range<Int>] {
        let cuts = [0] + (1..<ranks).map { _ in Int.random(in: 0...count, using: &random) }.sorted() + [count]
        return zip(cuts, cuts.dropFirst()).map { $0..<$1 }
      }
      /// The part of each tensor that lies in a range of all elements.
      func slices(_ range: Range<Int>) -> [(name: String, range: Range<Int>, elements: ArraySlice<Float>)] {
        var start = 0
        return tensors.map { tensor in
          defer { start += tensor.elements.count }
          let lower = min(max(range.lowerBound - start, 0), tensor.elements.count)
          let upper = max(lower, min(range.upperBound - start, tensor.elements.count))
          return (tensor.name, lower..<upper, tensor.elements[lower..<upper])
        }
      }
      let folder = try Folder()
      let written = try Self.files(
        folder,
        parts(writers).map { part in
          slices(part).map { ("\($0.name)@\($0.range.lowerBound)", Array($0.elements)) }
        })
      let state = try ShardedTensors(written.shuffled(using: &random))
      for part in parts(readers) {
        for slice in slices(part) {
          let found = try [Float](unsafeUninitializedCapacity: slice.range.count) { buffer, initialized in
            try state.read(
              slice.name, slice.range,
              into: UnsafeMutableBufferPointer(rebasing: buffer[..<slice.range.count]))
            initialized = slice.range.count
          }
          #expect(found.map(\.bitPattern) == slice.elements.map(\.bitPattern), "seed \(seed)")
        }
      }
      for tensor in tensors {
        #expect(try state.array(tensor.name, count: tensor.elements.count) == tensor.elements, "seed \(seed)")
      }
    }
  }

  @Test func whatIsMissingOrGivenTwiceIsNamed() throws {
    let folder = try Folder()
    let state = try ShardedTensors(
      Self.files(folder, [[("m.w@0", [0, 1, 2])], [("m.w@5", [5, 6]), ("m.b@0", [])]]))
    #expect(state.names == ["m.b", "m.w"])
    func problem(_ body: () throws -> Void) -> String? {
      #expect(throws: CheckpointError.self) { try body() }?.problem
    }
    #expect(problem { _ = try state.array("m.w", count: 7) } == "elements 3 to 4 of \"m.w\" are missing")
    #expect(problem { _ = try state.array("m.w", count: 6) } == "\"m.w\" has 7 elements, expected 6")
    #expect(problem { _ = try state.array("m.w", count: 9) } == "elements 3 to 4 of \"m.w\" are missing")
    #expect(problem { _ = try state.array("m.b", count: 1) } == "elements 0 to 0 of \"m.b\" are missing")
    #expect(problem { _ = try state.array("v.w", count: 1) } == "there is no \"v.w\"")
    #expect(try state.array("m.b", count: 0) == [])
    let twice = try Self.files(
      folder, [[("m.w@0", [0, 1, 2])], [("m.w@2", [2, 3])]])
    let error = #expect(throws: CheckpointError.self) { try ShardedTensors(twice) }
    #expect(
      error?.description
        == "\(folder.path("shard-1")): elements 2 to 2 of \"m.w\" are in \(folder.path("shard-0")), too")
    for name in ["m.w", "m.w@", "m.w@-1", "m.w@9223372036854775807"] {
      let files = try Self.files(folder, [[(name, [1])]])
      #expect(problem { _ = try ShardedTensors(files) }?.contains("is no piece of a tensor") == true)
    }
  }
}
