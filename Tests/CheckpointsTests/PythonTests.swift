import Foundation
import Testing

@testable import Checkpoints

/// Python with the reference implementation, where `scripts/reference/setup` has put it.
enum Python {
  static let path: String = {
    let environment = ProcessInfo.processInfo.environment
    let cache = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "")/.cache"
    return "\(environment["RONDO_REFERENCE"] ?? "\(cache)/rondo-reference")/bin/python"
  }()

  static let isThere = FileManager.default.isExecutableFile(atPath: path)

  /// Runs a program and returns what it printed.
  static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe.ofTwoProcesses
    process.executableURL = URL(filePath: path)
    process.arguments = ["-c", program] + arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let text = String(decoding: printed, as: UTF8.self)
    #expect(process.terminationStatus == 0, "\(text)")
    return text
  }
}

@Suite(.enabled(if: Python.isThere, "scripts/reference/setup has not been run")) struct PythonTests {
  /// Reads our file, and writes what it found as a file of its own.
  static let copy = """
    import sys, safetensors, safetensors.numpy as s
    tensors = s.load_file(sys.argv[1])
    with safetensors.safe_open(sys.argv[1], "np") as f: metadata = f.metadata()
    s.save_file(tensors, sys.argv[2], metadata)
    for name in sorted(tensors): print(name, tensors[name].dtype, tensors[name].shape, tensors[name].tolist())
    """

  @Test func pythonReadsWhatIsWrittenAndWritesTheSameBytes() throws {
    let folder = try Folder()
    let sources = [
      SafetensorsSource("weight", shape: [2, 2], [1, -0.5, 0x1p-133, 3e38] as [Float]),
      SafetensorsSource("steps", shape: [], [1 << 40] as [Int64]),
      SafetensorsSource("codes", shape: [3], [1, 2, -3] as [Int32]),
    ]
    try SafetensorsFile.write(sources, metadata: ["note": "grün\n\"1\""], to: folder.path("ours"))
    let printed = try Python.run(Self.copy, [folder.path("ours"), folder.path("theirs")])
    #expect(
      printed == """
        codes int32 (3,) [1, 2, -3]
        steps int64 () 1099511627776
        weight float32 (2, 2) [[1.0, -0.5], [9.183549615799121e-41, 3.0000000054977558e+38]]

        """)
    #expect(try folder.bytes("theirs") == folder.bytes("ours"))
  }

  /// Reads what another program that knows nothing of checkpoints would read of one.
  static let sum = """
    import sys, os, safetensors, safetensors.numpy as s, json, hashlib
    folder = sys.argv[1]
    with safetensors.safe_open(folder + "/model.safetensors", "np") as f: print(sorted(f.metadata().items()))
    model = s.load_file(folder + "/model.safetensors")
    for name in sorted(model): print(name, model[name].dtype, model[name].shape, model[name].reshape(-1)[:3].tolist())
    for name in sorted(os.listdir(folder)):
      if name.startswith("optimizer"):
        for key, x in s.load_file(folder + "/" + name).items(): print(key, x.shape, x[0], x[-1])
    print(json.load(open(folder + "/state.json")))
    for file in json.load(open(folder + "/manifest.json"))["files"]:
      bytes = open(folder + "/" + file["name"], "rb").read()
      assert len(bytes) == file["bytes"] and hashlib.sha256(bytes).hexdigest() == file["sha256"], file
    """

  @Test func pythonReadsACheckpoint() throws {
    let run = SampleRun(try Folder())
    try run.checkpoint(1_000, mark: 3)
    #expect(
      try Python.run(Self.sum, [run.store.path(1_000)]) == """
        [('format', 'rondo')]
        a.bias float32 () [3.0]
        a.weight float32 (1000, 2) [0.046875, 7.046875, 14.046875]
        mean.a.weight@0 (1000,) 1.046875 6994.047
        mean.a.weight@1000 (1000,) 7001.047 13994.047
        {'mark': 3}

        """)
  }

  static let make = """
    import sys, numpy as np, safetensors.numpy as s
    x = np.linspace(-3, 3, 1001)
    s.save_file({"h": x.astype(np.float16), "f": x.astype(np.float32), "d": x, "m": np.array([True, False])}, sys.argv[1])
    """

  @Test func whatPythonWritesIsRead() throws {
    let folder = try Folder()
    _ = try Python.run(Self.make, [folder.path("f")])
    let file = try SafetensorsFile(path: folder.path("f"))
    #expect(file.tensors.map(\.name) == ["d", "f", "h", "m"])
    let expected = (0...1000).map { -3 + Double($0) * 0.006 }
    #expect(zip(try file.floats("f"), expected).allSatisfy { abs(Double($0) - $1) < 1e-6 })
    #expect(zip(try file.floats("h"), expected).allSatisfy { abs(Double($0) - $1) < 2e-3 })
    #expect(throws: CheckpointError.self) { try file.floats("d") }
  }
}
