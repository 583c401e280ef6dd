import Foundation
import MPITestSupport
import Testing

/// Standard output on a full disk: what a command was started for is lost, so it has failed, and says so.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct FullOutputTests {
  private static let line = "rondo: error: standard output: cannot write (No space left on device)"
  private static let few = "--min 4KiB --max 4KiB --warmup 0 --repetitions 1"
  private static let small =
    "--features 8 --set model.hidden=[4] --set training.batch=4 --set training.microbatch=2 --steps 1 --warmup 0"

  /// $1 is a configuration. What asks for a trained run is among the tests of these commands.
  @Test(arguments: [
    "doctor", "doctor --json", "bench gemm --shape 8x8x8 --repetitions 1",
    "bench gemm --shape 8x8x8 --repetitions 1 --json", "bench allreduce \(few)",
    "bench allreduce --json \(few)",
    "bench train --threads 1 \(small)", "bench train --threads 1 --json \(small)",
    "simulate --ranks 2 --max 4KiB",
    "simulate --ranks 2 --max 4KiB --json", "inspect $1", "inspect --json $1", "verify $1 --ranks 1,2",
  ])
  func aCommandFails(command: String) throws {
    let directory = try TemporaryDirectory()
    let output = try bash(
      "\"$0\" \(command) > /dev/full; echo \"status $?\"", try directory.write("c.yaml", digits))
    #expect(output == "\(Self.line)\nstatus 1\n", "\(command)")
  }

  /// The other ranks do not wait for the one that has failed.
  @Test(arguments: [
    "doctor", "tune --seconds 0.1 --max 4KiB --output $1", "bench network --seconds 0.1",
    "bench allreduce \(few)",
  ])
  func allRanksEndWithIt(command: String) throws {
    let directory = try TemporaryDirectory()
    let job = try Job.run(
      ranks: 2, program: "bash",
      arguments: ["-c", "exec \"$0\" \(command) > /dev/full", try rondo(), directory.path + "/profile.json"])
    #expect(job.exitStatus == 1 && job.errors.count == 1, "\(job)")
    #expect(job.output.contains(Self.line), "\(job)")
  }
}
