import Foundation
import Testing

@testable import Checkpoints

/// This test bundle again, in a process of its own: for what a test process must not do to itself.
struct ChildProcess {
  static let variable = "RONDO_TEST_CHECKPOINTS"

  /// The folder that this process works in, when it is such a child for `task`.
  static func folder(of task: String) -> String? {
    guard let value = ProcessInfo.processInfo.environment[variable], value.hasPrefix("\(task):") else {
      return nil
    }
    return String(value.dropFirst(task.count + 1))
  }

  /// Starts the test `ChildProcessTasks/TASK` on a folder, for at most `limit` seconds.
  ///
  /// - Parameter namespace: a script that sets up file systems, as root of a mount namespace of its own; `$1` is the folder.
  static func start(
    _ task: String, on folder: String, limit: Int = 90, namespace script: String? = nil,
    output: Pipe = .ofTwoProcesses
  ) throws -> Process {
    let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let test = [
      bundle, "--testing-library", "swift-testing", "--no-parallel", "--filter", "ChildProcessTasks/\(task)",
    ]
    process.arguments = ["timeout", "--signal=KILL", "\(limit)"]
    if let script {
      process.arguments? += mountNamespace + ["bash", "-ec", "\(script); shift; exec \"$@\"", "bash", folder]
    }
    process.arguments? += test
    process.environment = ProcessInfo.processInfo.environment.merging([variable: "\(task):\(folder)"]) { $1 }
    process.standardOutput = output
    process.standardError = output
    try process.run()
    return process
  }

  /// Runs a task to its end and expects that its test passes.
  static func run(_ task: String, on folder: String, namespace script: String? = nil) throws {
    let output = Pipe.ofTwoProcesses
    let process = try start(task, on: folder, namespace: script, output: output)
    let printed = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && printed.contains("with 1 test"), "\(printed)")
  }

  /// How a process becomes root of a mount namespace: as it is, or by a user namespace; empty where neither is allowed.
  static let mountNamespace: [String] = {
    for words in [["unshare", "-m"], ["unshare", "-rm"]] {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = ["timeout", "10"] + words + ["mount", "-t", "tmpfs", "none", "/mnt"]
      process.standardError = FileHandle.nullDevice
      guard (try? process.run()) != nil else { continue }
      process.waitUntilExit()
      if process.terminationStatus == 0 { return words }
    }
    return []
  }()
}

extension Pipe {
  /// A pipe that no third process inherits, such as a daemon that another test starts at that moment: it would keep the end from
  /// coming.
  static var ofTwoProcesses: Pipe {
    let pipe = Pipe()
    for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
      _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
    }
    return pipe
  }
}
