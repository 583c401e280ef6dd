import Collectives
import Foundation
import MPI

/// Finds which algorithm is fastest between hosts for a size, by what was measured there: in a profile if one fits, else by a probe now.
package struct MeasuredSelection {
  /// The file of profiles; nil for the one where `rondo tune` writes if nothing else is said.
  package var profile: String?
  package var wire: WireFormat

  package init(profile: String?, wire: WireFormat) {
    self.profile = profile
    self.wire = wire
  }

  /// Collective; the same on all ranks.
  ///
  /// - Parameters:
  ///   - chunkBytes: what an executor between hosts will be asked to sum, in bytes of float32.
  ///   - isTwoLevel: whether hosts sum in shared memory first.
  /// - Returns: the selection, and where it comes from, for people.
  /// - Throws: `CommonFailure` for a file that cannot be used, and for one that was named and holds no profile of these hosts.
  package func find(
    _ layout: HostLayout, chunkBytes: [Int], isTwoLevel: Bool, on world: borrowing Communicator
  ) throws -> (selection: AllreduceSelection, source: String) {
    let text = try CommonFailure.agreed(on: world) { world.rank == 0 ? try stored(layout) : "" }
    let common = try world.broadcast(text, root: 0)
    if !common.isEmpty {
      let found = try JSONDecoder().decode(Found.self, from: Data(common.utf8))
      return (found.selection, found.source)
    }
    let start = MPI.wallTime()
    let selection = try probe(chunkBytes, isTwoLevel: isTwoLevel, on: world)
    return (selection, "probed in \(ProgressDisplay.number(MPI.wallTime() - start)) s")
  }

  private struct Found: Codable {
    var selection: AllreduceSelection
    var source: String
  }

  /// What the file of profiles holds for these hosts, as JSON; empty if nothing.
  private func stored(_ layout: HostLayout) throws -> String {
    let path = profile ?? AllreduceProfiles.defaultPath
    guard let profiles = try AllreduceProfiles(path: path) else {
      if profile == nil { return "" }
      throw CommonFailure(
        "communication.profile: there is no file \(path); make it with rondo tune --output", exitStatus: 2)
    }
    guard let fitting = profiles.fitting(layout) else {
      if profile == nil { return "" }
      throw CommonFailure(
        "communication.profile: \(path) has no profile of \(layout); run rondo tune on them", exitStatus: 2)
    }
    let found = Found(
      selection: fitting.selection(wire: wire), source: "profile of \(fitting.measured)")
    return String(decoding: try JSONEncoder().encode(found), as: UTF8.self)
  }

  private func probe(
    _ chunkBytes: [Int], isTwoLevel: Bool, on world: borrowing Communicator
  ) throws -> AllreduceSelection {
    // On two levels one rank of each host stands for its carriers: together they move as much.
    var isLeader = true
    if isTwoLevel { isLeader = try world.splitByHost().rank == 0 }
    var text = ""
    if let leaders = try world.split(color: isLeader ? 0 : nil, key: world.rank) {
      let selection = try AllreduceProbe(wire: wire).select(chunkBytes, on: leaders)
      text = String(decoding: try JSONEncoder().encode(selection), as: UTF8.self)
    }
    // Rank 0 is the first of its host.
    text = try world.broadcast(text, root: 0)
    return try JSONDecoder().decode(AllreduceSelection.self, from: Data(text.utf8))
  }
}
