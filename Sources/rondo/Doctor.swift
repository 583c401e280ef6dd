import ArgumentParser
import BLAS
import Foundation
import MPI
import Training

/// `rondo doctor`
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what is here, what is wrong with it, and how to mend it.",
    discussion: """
      Run it as you would run a training: mpirun -n 4 rondo doctor. It looks at every rank. The exit status is 0 when nothing \
      is wrong, 1 when something is.
      """)

  @Option(help: "Threads of each rank, as for train.")
  var threads: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    // Before MPI starts: a process must not be started after, and MPI adds variables of its own.
    let machine = MachineFacts()
    try Job.runForStatus { world in
      let facts = try machine.rankFacts(on: world, threads: try threadCount(machine, on: world))
      let lines = try world.allgather(String(decoding: try JSONEncoder().encode(facts), as: UTF8.self))
      let job = JobFacts(
        ranks: try lines.map { try JSONDecoder().decode(RankFacts.self, from: Data($0.utf8)) })
      let diagnosis = Diagnosis(of: job)
      try Job.show(
        json ? diagnosis.json(of: job) : DoctorReport(job: job, diagnosis: diagnosis).description, on: world)
      return diagnosis.isHealthy ? 0 : 1
    }
  }

  /// What training would take here. A variable that cannot be understood is a finding like others. Collective.
  private func threadCount(
    _ machine: MachineFacts, on world: borrowing Communicator
  ) throws -> (count: Int, source: String, problem: String?) {
    let sharing = try machine.affinity.ranksSharing(on: try world.splitByHost())
    do {
      let resolved = try ThreadCount.resolve(
        option: threads, environment: machine.environment, affinity: machine.affinity, ranksSharing: sharing)
      return (resolved.count, resolved.source.description, nil)
    } catch {
      return (1, "unknown", "\(error)")
    }
  }
}
