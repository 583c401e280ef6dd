import Foundation
import Testing

@testable import Checkpoints

/// A run that writes checkpoints for the tests: small ones whose every number follows from a mark, so that a whole one is told from
/// one with parts of another.
struct SampleRun {
  static let files = [
    CheckpointFile.model, CheckpointFile.optimizer(0, of: 2), CheckpointFile.optimizer(1, of: 2),
    CheckpointFile.state,
  ]

  let store: CheckpointStore
  var elements = 2_000
  /// Kept as long as the run.
  private var folder: Folder?

  init(_ folder: Folder, _ system: FileSystem = FileSystem()) {
    self.init(directory: folder.path("checkpoints"), system)
    self.folder = folder
  }

  init(directory: String, _ system: FileSystem = FileSystem()) {
    store = CheckpointStore(directory: directory, system)
  }

  private func numbers(_ mark: Int, _ part: Int) -> [Float] {
    (0..<elements).map { Float($0 * 7 + part) + Float(mark) / 64 }
  }

  /// Everything that the ranks of a run do for one checkpoint.
  func checkpoint(_ step: Int, mark: Int) throws {
    try store.begin(step: step)
    do {
      var files = [
        try store.write(
          [
            SafetensorsSource("a.weight", shape: [elements / 2, 2], numbers(mark, 0)),
            SafetensorsSource("a.bias", shape: [], [Float(mark)]),
          ], metadata: ["format": "rondo"], as: CheckpointFile.model, step: step)
      ]
      let shards = (0..<2).map { shard in
        let half = Array(numbers(mark, 1)[shard * elements / 2..<(shard + 1) * elements / 2])
        let source = SafetensorsSource("mean.a.weight@\(shard * elements / 2)", shape: [half.count], half)
        return UnwrittenFile(CheckpointFile.optimizer(shard, of: 2), [source], metadata: [:])
      }
      files += try store.write(shards, step: step)
      files.append(try store.write(Data("{\"mark\":\(mark)}".utf8), as: CheckpointFile.state, step: step))
      try store.commit(step: step, files: files)
    } catch {
      store.abandon(step: step)
      throw error
    }
  }

  /// The mark of a checkpoint, of which every number is compared.
  func mark(of checkpoint: StoredCheckpoint) throws -> Int {
    let model = try checkpoint.model()
    let mark = Int(try model.floats("a.bias")[0])
    #expect(try model.floats("a.weight") == numbers(mark, 0))
    #expect(try checkpoint.state() == Data("{\"mark\":\(mark)}".utf8))
    let shards = try ShardedTensors(checkpoint.optimizerShards())
    #expect(try shards.array("mean.a.weight", count: elements) == numbers(mark, 1))
    return mark
  }

  /// The step and mark of the newest whole checkpoint, and the lines about those that are not.
  func newest() throws -> (step: Int?, mark: Int?, lines: [String]) {
    var lines: [String] = []
    let newest = try store.newestWhole { lines.append($0) }
    for line in lines { #expect(!line.contains("\n")) }
    return (newest?.step, try newest.map { try mark(of: $0) }, lines)
  }

  func names() throws -> [String] { try FileSystem.names(in: store.directory)?.sorted() ?? [] }
}

extension CheckpointStore {
  /// One file.
  func write(
    _ tensors: [SafetensorsSource], metadata: [String: String], as name: String, step: Int
  ) throws -> CheckpointFile {
    try write([UnwrittenFile(name, tensors, metadata: metadata)], step: step)[0]
  }

  func write(_ bytes: Data, as name: String, step: Int) throws -> CheckpointFile {
    try write([UnwrittenFile(name, bytes)], step: step)[0]
  }
}

extension ShardedTensors {
  func array(_ name: String, count: Int) throws -> [Float] {
    try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      try read(name, count: count, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
  }
}
