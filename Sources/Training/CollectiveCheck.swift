import Foundation
import MPI

/// Compares, before each collective, which one the ranks are at: `--check-collectives`.
///
/// **Cost.** One `MPI_Allgather` of 32 bytes a rank before each collective: some microseconds on one host, some latencies of the network
/// between hosts. It does not overlap with the collective.
///
/// A thread that calls collectives has one of its own, on a communicator of its own, so that the check cannot meet the collectives that it
/// checks.
///
/// `@unchecked Sendable` is safe because a check moves to the thread that uses it, with its row, before its first use.
final class CollectiveCheck: @unchecked Sendable {
  private let communicator: Communicator
  private var table: [Int]

  /// - Parameter communicator: of the check alone.
  init(owning communicator: consuming Communicator) {
    table = Array(repeating: 0, count: Collective.wordCount * communicator.size)
    self.communicator = communicator
  }

  /// Returns when all ranks are at `collective`. Where they are not, the job ends with a line that names those that differ, and exit
  /// status 1.
  ///
  /// Collective.
  func compare(_ collective: Collective) {
    let width = Collective.wordCount
    let mine = communicator.rank * width
    (table[mine], table[mine + 1]) = (collective.kind.rawValue, collective.step)
    (table[mine + 2], table[mine + 3]) = (collective.bucket, collective.count)
    do throws(MPIError) {
      var span = table.mutableSpan
      try communicator.allgather(&span)
    } catch { MPI.abort(with: error) }
    for rank in 0..<communicator.size {
      for word in 0..<width where table[rank * width + word] != table[mine + word] { end() }
    }
  }

  /// Ends the job. All ranks have the same table and come here; the first one speaks.
  private func end() -> Never {
    let width = Collective.wordCount
    let collectives = (0..<communicator.size).map {
      Collective(words: table[$0 * width..<($0 + 1) * width]) ?? Collective(.end)
    }
    if communicator.rank > 0 { Thread.sleep(forTimeInterval: 10) }
    MPI.abort(exitStatus: 1, because: Self.verdict(collectives) ?? "collectives differ")
  }

  /// Which ranks are not where most are: one line; nil when all are at the same collective. With no majority it gives all sides.
  static func verdict(_ collectives: [Collective]) -> String? {
    var groups: [(collective: Collective, ranks: [Int])] = []
    for (rank, collective) in collectives.enumerated() {
      if let index = groups.firstIndex(where: { $0.collective == collective }) {
        groups[index].ranks.append(rank)
      } else {
        groups.append((collective, [rank]))
      }
    }
    guard groups.count > 1 else { return nil }
    // Stable: of groups of one size that of the lowest rank comes first.
    groups.sort { ($0.ranks.count, $1.ranks[0]) > ($1.ranks.count, $0.ranks[0]) }
    let most = groups[0]
    let others = groups.dropFirst()
    let side = { (group: (collective: Collective, ranks: [Int])) in
      "\(Self.names(group.ranks)) \(group.ranks.count == 1 ? "is" : "are") at \(group.collective)"
    }
    let shown = others.prefix(3).map(side).joined(separator: "; ")
    let more = others.count > 3 ? "; others elsewhere" : ""
    if most.ranks.count * 2 > collectives.count {
      return "the ranks' collectives differ: \(shown)\(more); the other \(most.ranks.count) are at "
        + "\(most.collective)"
    }
    return "the ranks' collectives differ, and none has a majority: \(side(most)); \(shown)\(more)"
  }

  private static func names(_ ranks: [Int]) -> String {
    if ranks.count == 1 { return "rank \(ranks[0])" }
    let shown = ranks.prefix(8).map(String.init).joined(separator: ", ")
    return "ranks \(shown)\(ranks.count > 8 ? " and \(ranks.count - 8) more" : "")"
  }
}
