import Foundation
import MPITestSupport
import Testing

/// What a run takes of memory is what `rondo inspect` says.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct PeakMemoryTests {
  private static let configuration = digitsConfiguration(
    hidden: [2600, 2600], batch: 8, microbatch: 2,
    training: ["steps: 6", "evaluate_every_epochs: 0", "optimizer: { kind: adamw }"],
    checkpoint: ["every_minutes: 0", "keep: 1"])

  /// Of pieces of collectives, pages of the program, and what memory's own bookkeeping takes.
  private static let allowance = 15_000_000

  private struct Plan: Decodable {
    struct Memory: Decodable {
      var program: Int
      var parameters: Int
      var gradients: Int
      var optimizer: Int
      var copies: Int
      var earlyCopies: Int
      var activations: Int
      var scratch: Int
      var data: Int
      var checkpoint: Int
    }
    var memory: Memory
  }

  /// Not under mpirun, whose marks of ranks would lie within a line as long as this one.
  private static func inspect(_ arguments: [String]) throws -> Plan.Memory {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["120", try rondo(), "inspect", "--json"] + arguments
    let text = try output(of: process)
    let line = try #require(text.firstIndex(of: "{").map { text[$0...] }, "\(text)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Plan.self, from: Data(line.utf8)).memory
  }

  /// Without checkpoints no arena more than there is is touched; with three no more than one copy of what is written.
  @Test(
    arguments: [
      (1, false, false, "auto"), (2, true, false, "auto"), (2, false, true, "ring"),
      // The copy of the neighbour's share, which it is on one host too.
      (2, true, true, "tree"),
      // Copies of what is updated before all gradients are there.
      (2, true, false, "tree"),
    ])
  func aRankTakesWhatInspectionSays(
    ranks: Int, isReproducible: Bool, isSharded: Bool, algorithm: String
  ) throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", Self.configuration)
    for every in [0, 2] {
      let settings =
        [
          "training.reproducible=\(isReproducible)", "training.optimizer.sharded=\(isSharded)",
          "communication.algorithm=\(algorithm)", "checkpoint.every_steps=\(every)",
        ].flatMap { ["--set", $0] }
        + (algorithm == "tree" && isSharded ? ["--set", "checkpoint.neighbour_copy=always"] : [])
      let plan = try Self.inspect([config, "--ranks", "\(ranks)"] + settings)
      let output = "\(directory.path)/run-\(every)"
      let job = try Job.run(
        ranks: ranks, program: try rondo(),
        arguments: ["train", config, "--threads", "1", "--output", output] + settings)
      #expect(job.exitStatus == 0, "\(job)")
      let peak = try #require(try RunRecord(output).integer("peak_memory_bytes"), "\(job)")
      let arenas =
        plan.program + plan.parameters + plan.gradients + plan.optimizer + plan.copies + plan.activations
        + plan.scratch
        + plan.data
      #expect((plan.earlyCopies > 0) == (algorithm == "tree" && !isSharded))
      // How many of these there are is a matter of time.
      let planned = arenas + plan.earlyCopies + (every == 0 ? 0 : plan.checkpoint)
      // Less than that of an arena that is forgotten, or of a copy that is kept.
      #expect(
        peak <= planned + Self.allowance && peak > arenas - Self.allowance,
        "\(peak) bytes, planned \(planned), of them \(plan): \(job)")
    }
  }
}
