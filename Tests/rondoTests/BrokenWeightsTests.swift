import Foundation
import MPITestSupport
import Testing

/// `rondo evaluate`, `predict` and `inspect` on a run that is not finished and whose newest checkpoint is broken.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct BrokenWeightsTests {
  /// What happens to a checkpoint, and the line that tells of it; nil where its weights are still whole.
  enum Damage: CaseIterable {
    case bit, end, noWeights, manifest, optimizer

    func happens(to checkpoint: String) throws {
      let name =
        switch self {
        case .bit, .end, .noWeights: "model.safetensors"
        case .manifest: "manifest.json"
        case .optimizer: "optimizer-00000-of-00002.safetensors"
        }
      let file = URL(fileURLWithPath: checkpoint + "/" + name)
      var bytes = try Data(contentsOf: file)
      switch self {
      case .bit, .manifest: bytes[bytes.count / 2] ^= 1
      case .end, .optimizer: bytes.removeLast(10)
      case .noWeights: return try FileManager.default.removeItem(at: file)
      }
      try bytes.write(to: file)
    }

    var fault: String? {
      switch self {
      case .bit: "/model.safetensors: digest differs"
      case .end: "/model.safetensors: the file is cut off"
      case .noWeights: "/model.safetensors: "
      case .manifest: "/manifest.json: digest differs"
      case .optimizer: nil
      }
    }
  }

  /// A run with checkpoints of steps 10, 20 and 30, as if it had not come to its end.
  private static func unfinished(in directory: TemporaryDirectory) throws -> String {
    let config = try directory.write(
      "c.yaml",
      """
      model: { hidden: [8] }
      data: { source: digits }
      training: { batch: 240, microbatch: 60, steps: 30, optimizer: { kind: adamw } }
      checkpoint: { every_steps: 10 }

      """)
    let run = directory.path + "/run"
    let job = try Job.run(
      ranks: 1, program: try rondo(), arguments: ["train", config, "--threads", "1", "--output", run])
    #expect(job.exitStatus == 0, "\(job)")
    for name in ["model.safetensors", "summary.json"] {
      try FileManager.default.removeItem(atPath: run + "/" + name)
    }
    return run
  }

  private static let commands = [
    #"evaluate "$1" --threads 1"#, #"predict "$1" --input "$1/../pixels.jsonl""#, #"inspect "$1""#,
  ]

  @Test(arguments: Damage.allCases) func theNewestCheckpointWithWholeWeightsIsTaken(damage: Damage) throws {
    let directory = try TemporaryDirectory()
    let run = try Self.unfinished(in: directory)
    _ = try directory.write(
      "pixels.jsonl", "{\"features\": [\((0..<64).map { "\($0 % 17)" }.joined(separator: ", "))]}\n")
    let taken = damage.fault == nil ? "step-00000030" : "step-00000020"
    let expected = try Self.commands.dropLast().map {
      let command = $0.replacing(/"\$1"(?! *\/)/, with: "\"$1/checkpoints/\(taken)\"", maxReplacements: 1)
      return try bash("\"$0\" \(command)", run)
    }
    try damage.happens(to: run + "/checkpoints/step-00000030")
    for (index, command) in Self.commands.enumerated() {
      let output = try bash("\"$0\" \(command) 2> \"$1/../errors\"; echo \"status $?\"", run)
      #expect(output.hasSuffix("\nstatus 0\n"), "\(command): \(output)")
      if index < expected.count {
        #expect(output == expected[index] + "status 0\n", "\(command)")
      } else {
        #expect(output.contains("\(taken)/model.safetensors: "), "\(output)")
      }
      let errors = try String(contentsOfFile: directory.path + "/errors", encoding: .utf8)
      guard let fault = damage.fault else {
        #expect(errors.isEmpty, "\(command): \(errors)")
        continue
      }
      #expect(
        errors.hasPrefix("rondo: warning: \(run)/checkpoints/step-00000030\(fault)")
          && errors.hasSuffix("; falling back to \(taken)\n") && errors.count(where: \.isNewline) == 1,
        "\(command): \(errors)")
    }
    // Whatever the number of ranks, it is said once.
    guard [.bit, .optimizer].contains(damage) else { return }
    let job = try Job.run(
      ranks: 2, program: try rondo(), arguments: ["evaluate", run, "--threads", "1"])
    #expect(job.exitStatus == 0 && job.warnings.count == (damage.fault == nil ? 0 : 1), "\(job)")
  }

  /// Accuracy and the like can be computed, and look like those of a model.
  @Test func weightsThatAreNotFiniteAreWarnedOf() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let run = directory.path + "/run"
    let training = try Job.run(
      ranks: 1, program: try rondo(), arguments: ["train", config, "--threads", "1", "--output", run])
    #expect(training.exitStatus == 0, "\(training)")
    let file = URL(fileURLWithPath: run + "/model.safetensors")
    let weights = try Data(contentsOf: file)
    for (bits, name) in [(Float.nan.bitPattern, "nan"), (Float(1).bitPattern, nil)] {
      let last = withUnsafeBytes(of: bits.littleEndian) { Data($0) }
      try (weights.dropLast(4) + last).write(to: file)
      for ranks in [1, 2] {
        let job = try Job.run(
          ranks: ranks, program: try rondo(), arguments: ["evaluate", run, "--threads", "1"])
        let expected = name.map { ["\(run): the loss is \($0): "] } ?? []
        #expect(job.exitStatus == 0 && job.warnings.count == expected.count, "\(job)")
        #expect(zip(job.warnings, expected).allSatisfy { $0.hasPrefix($1) }, "\(job)")
      }
    }
  }

  /// The weights before averaging are another model.
  @Test func anAverageThatIsGoneIsNotReplaced() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let run = directory.path + "/run"
    let job = try Job.run(
      ranks: 1, program: try rondo(),
      arguments: ["train", config, "--threads", "1", "--output", run, "--set", "training.ema_decay=0.9"])
    #expect(job.exitStatus == 0, "\(job)")
    let average = run + "/model-average.safetensors"
    try FileManager.default.removeItem(atPath: average)
    for command in Self.commands {
      let output = try bash("\"$0\" \(command); echo \"status $?\"", run)
      let lines = output.split(separator: "\n")
      #expect(lines.count == 2 && lines[0].hasPrefix("rondo: error: \(average): "), "\(command): \(output)")
      #expect(lines[0].contains("No such file") && lines[1] != "status 0", "\(command): \(output)")
    }
  }

  @Test func aRunWithoutAWholeCheckpointIsOneLine() throws {
    let directory = try TemporaryDirectory()
    let run = try Self.unfinished(in: directory)
    for (damage, step) in [(Damage.bit, 10), (.manifest, 20), (.end, 30)] {
      try damage.happens(to: run + "/checkpoints/step-000000\(step)")
    }
    for command in Self.commands {
      let output = try bash("\"$0\" \(command); echo \"status $?\"", run)
      let lines = output.split(separator: "\n")
      #expect(lines.count == 2 && lines.last == "status 1", "\(command): \(output)")
      let newest = "rondo: error: \(run)/checkpoints/step-00000030/model.safetensors: the file is cut off: "
      #expect(
        lines.first?.hasPrefix(newest) == true
          && lines.first?.contains("none of the 3 checkpoints is whole") == true,
        "\(command): \(output)")
    }
    let job = try Job.run(ranks: 2, program: try rondo(), arguments: ["evaluate", run, "--threads", "1"])
    #expect(job.exitStatus == 1 && job.errors.count == 1 && job.warnings.isEmpty, "\(job)")
  }
}
