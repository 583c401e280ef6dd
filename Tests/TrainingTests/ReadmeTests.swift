import Foundation
import Graph
import MPI
import MPITestSupport
import NeuralNetwork
import Testing
import Training

private let variable = "RONDO_TEST_README_DIRECTORY"

/// The README's Swift example, to the letter.
private func example() throws {
  try MPI.run { world in
    let configuration = try CommonFailure.agreed(on: world) { try Configuration(contentsOf: "digits.yaml") }
    var run = TrainingRun(configuration, threads: 1)
    run.model = { image in
      let wide = Dense("wide", 256, activation: .gelu)(image)
      let residual = Dense("inner", 256, activation: .relu)(Dropout(0.1)(wide)) + wide
      return Dense("logits", 10)(residual)
    }
    print(try run.run(on: world).evaluation)
  }
}

@Suite(.serialized) struct ReadmeTests {
  /// The first block of that language in the README.
  private static func block(_ language: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let start = try #require(readme.range(of: "```\(language)\n"))
    let end = try #require(readme[start.upperBound...].range(of: "```"))
    return String(readme[start.upperBound..<end.lowerBound])
  }

  @Test func theSwiftExampleIsTheOneThatIsCompiledHere() throws {
    let source = try String(contentsOf: URL(fileURLWithPath: #filePath), encoding: .utf8)
    let start = try #require(source.range(of: "private func example() throws {\n"))
    let end = try #require(source[start.upperBound...].range(of: "\n}\n"))
    let lines = { (text: Substring) in
      text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        .filter { !$0.isEmpty && !$0.hasPrefix("import ") }
    }
    #expect(lines(source[start.upperBound..<end.lowerBound]) == lines(try Self.block("swift")[...]))
  }

  private static let directory = ProcessInfo.processInfo.environment[variable]

  @Test(.enabled(if: directory != nil)) func theExampleInAProcessOfItsOwn() throws {
    let directory = try #require(Self.directory)
    #expect(FileManager.default.changeCurrentDirectoryPath(directory))
    try example()
  }

  @Test(.enabled(if: !isUnderLauncher), arguments: [1, 2]) func theExampleTrains(ranks: Int) throws {
    let temporary = FileManager.default.temporaryDirectory.path
    let directory = temporary + "/rondo-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let yaml = try Self.block("yaml").replacing("epochs: 30", with: "epochs: 4")
    try yaml.write(toFile: directory + "/digits.yaml", atomically: true, encoding: .utf8)
    let job = try Job.runTest(
      "theExampleInAProcessOfItsOwn", ranks: ranks, environment: [variable: directory])
    #expect(job.exitStatus == 0 && job.output.contains("\"accuracy\": 0.9"), "\(job)")
  }
}
