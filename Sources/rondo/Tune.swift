import ArgumentParser
import Collectives
import Foundation
import MPI
import Training

/// `rondo tune`: measures the network and every allreduce algorithm, and keeps what is best for `algorithm: auto`.
struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure allreduce on these hosts, for algorithm: auto.",
    discussion: """
      Run it under mpirun or srun as training runs: as many ranks on as many hosts. It takes less than 30 seconds and writes a profile, \
      which later runs on hosts of the same series, with as many ranks each, find by themselves: in the file that RONDO_PROFILE names, \
      or in ~/.config/rondo/allreduce.json.
      """)

  @Option(help: "The file of profiles to write to.")
  var output: String?

  @Option(help: "The largest buffer (default: 64MiB).", transform: ByteSize.init)
  var max = ByteSize(bytes: 64 << 20)

  @Option(help: "Seconds for all measurements.")
  var seconds = 25.0

  @Flag(help: "Print the profile as one JSON object.")
  var json = false

  func validate() throws {
    guard max.bytes >= 4 << 10 else { throw ValidationError("--max must be at least 4KiB") }
    guard seconds > 0, seconds <= 600 else {
      throw ValidationError("--seconds must be greater than 0 and at most 600, found \(seconds)")
    }
  }

  func run() throws {
    try Job.run { world in
      try Job.refuseOneRank("rondo tune", on: world)
      let path = output ?? AllreduceProfiles.defaultPath
      // What cannot be read or written is found before, not after the measurements.
      try CommonFailure.agreed(on: world) {
        guard world.rank == 0 else { return }
        try (AllreduceProfiles(path: path) ?? AllreduceProfiles()).write(path: path)
      }
      let layout = try HostLayout(of: world)
      let start = MPI.wallTime()
      try say("# \(layout)", on: world)
      let model = try layout.isOneHost ? nil : NetworkProbe.measure(world, seconds: min(2, seconds / 10))
      if let model {
        try say(
          String(
            format: "# latency %.0f us, %.1f MB/s each way, additions %.1f GB/s", model.latencySeconds * 1e6,
            model.bandwidthBytesPerSecond / 1e6, model.reductionBytesPerSecond / 1e9), on: world)
      }
      var tuning = AllreduceTuning()
      tuning.largestBytes = max.bytes
      tuning.seconds = Swift.max(seconds / 2, seconds - (MPI.wallTime() - start))
      try say("#    bytes  algorithms, fastest first, with microseconds", on: world)
      let measurements = try tuning.measure(layout, on: world) { row in
        let times = row.times.map { "\($0.candidate) \(Int(($0.seconds * 1e6).rounded()))" }
        try say(
          String(repeating: " ", count: Swift.max(0, 10 - "\(row.bytes)".count))
            + "\(row.bytes)  \(times.joined(separator: ", "))", on: world)
      }
      let profile = AllreduceProfile(
        layout: layout, library: String(MPI.libraryVersion.prefix { $0 != "," }),
        measured: Date.now.formatted(.iso8601), model: model, measurements: measurements)
      try CommonFailure.agreed(on: world) {
        guard world.rank == 0 else { return }
        try AllreduceProfiles.add(profile, path: path)
      }
      if layout.isOneHost {
        try say("# one host: training sums in shared memory, which is faster than any of these", on: world)
      }
      try say("# written to \(path)", on: world)
      if json { try Job.show(Self.json(profile), on: world) }
    }
  }

  /// For people. Collective.
  private func say(_ line: String, on world: borrowing Communicator) throws {
    if !json { try Job.show(line, on: world) }
  }

  private static func json(_ profile: AllreduceProfile) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(profile), as: UTF8.self)
  }
}
