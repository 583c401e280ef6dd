import Foundation
import MPITestSupport
import Testing

/// What must not compile: a buffer that is touched while a request borrows it. Each snippet goes through the
/// compiler.
@Suite(.enabled(if: !isUnderLauncher && Compiler.isHere)) struct BorrowingTests {
  @Test func buffersAreFreeAfterTheWait() throws {
    let messages = try Compiler.messages(
      """
      let request = try world.startAllreduce(source.span, into: &inbox, .sum)
      try request.wait()
      inbox[0] = 1
      source[0] = 1
      """)
    #expect(messages == "")
  }

  @Test func whatACallWritesCannotBeReadBeforeTheWait() throws {
    let messages = try Compiler.messages(
      """
      let request = try world.startReceive(into: &inbox, from: 0)
      print(inbox[0])
      try request.wait()
      """)
    #expect(messages.contains("error: overlapping accesses to 'inbox'"), "\(messages)")
  }

  @Test func whatACallReadsCannotBeWrittenBeforeTheWait() throws {
    let messages = try Compiler.messages(
      """
      let request = try world.startSend(source.span, to: 0)
      source[0] = 1
      try request.wait()
      """)
    #expect(messages.contains("error: overlapping accesses to 'source'"), "\(messages)")
  }

  @Test func aRequestCannotLeaveTheScopeOfItsBuffer() throws {
    let messages = try Compiler.messages(
      """
      var request: Request
      do {
        var values = [Float(1)]
        var span = values.mutableSpan
        request = try world.startBroadcast(&span, root: 0)
      }
      try request.wait()
      """)
    #expect(messages.contains("error: lifetime-dependent variable"), "\(messages)")
  }

  @Test func theExampleOfTheReadmeCompiles() throws {
    let readme = try String(
      contentsOf: Compiler.sources.appendingPathComponent("MPI/README.md"), encoding: .utf8)
    let example = try #require(
      readme.split(separator: "```swift\n").dropFirst().first?.split(separator: "```").first)
    let messages = try Compiler.messages(file: String(example))
    #expect(messages == "")
  }

  @Test func aRequestIsWaitedForOnce() throws {
    let messages = try Compiler.messages(
      """
      let request = try world.startReceive(into: &inbox, from: 0)
      try request.wait()
      try request.wait()
      """)
    #expect(messages.contains("error: 'request' consumed more than once"), "\(messages)")
  }

  @Test func aCommunicatorStaysOnItsThread() throws {
    let messages = try Compiler.messages(
      """
      let mine = try world.duplicate()
      Task.detached { print(mine.rank) }
      """)
    #expect(messages.contains("risks causing data races"), "\(messages)")
  }
}

/// The compiler that built this bundle, with the modules it built.
private enum Compiler {
  static let isHere = (try? run(["swiftc", "--version"])) != nil

  /// What the compiler says about a body of `MPI.run` that has an array `source` and a span `inbox`.
  static func messages(_ body: String) throws -> String {
    try messages(
      file: """
        import MPI
        func body(_ world: borrowing Communicator) throws {
          var source: [Float] = [1, 2]
          var destination: [Float] = [3, 4]
          var inbox = destination.mutableSpan
          \(body)
          _ = source
        }
        """)
  }

  static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Sources")

  /// What the compiler says about a whole file.
  static func messages(file text: String) throws -> String {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).swift")
    defer { try? FileManager.default.removeItem(at: file) }
    try text.write(to: file, atomically: true, encoding: .utf8)
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let modules = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("Modules")
    let flags = try run(["pkg-config", "--cflags", "ompi-c"]).split(separator: " ").flatMap {
      ["-Xcc", $0.trimmingCharacters(in: .whitespacesAndNewlines)]
    }
    return try run(
      [
        // Not -typecheck: lifetimes and ownership are checked in a later pass.
        "swiftc", "-emit-sil", "-o", "/dev/null", "-suppress-warnings", "-swift-version", "6",
        "-I", modules.path, "-Xcc", "-fmodule-map-file=\(sources.path)/COpenMPI/module.modulemap",
      ] + flags + [file.path], isAllowedToFail: true)
  }

  struct Failed: Error { let output: String }

  @discardableResult
  private static func run(_ words: [String], isAllowedToFail: Bool = false) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "120"] + words
    let output = try output(of: process)
    guard process.terminationStatus == 0 || isAllowedToFail else { throw Failed(output: output) }
    return output
  }
}
