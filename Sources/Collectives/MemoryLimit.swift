import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How much memory the ranks of a host may have: what the machine has, or less where a control group limits this process, as those of Slurm jobs and
/// of containers do.
///
/// A group's limit holds for all processes in it and below it together. Ranks of one host are taken to share the groups of this one.
package struct MemoryLimit: Equatable {
  package let bytes: Int
  /// The file that says so; nil for what the machine has.
  package let file: String?

  package init(bytes: Int, file: String? = nil) {
    self.bytes = bytes
    self.file = file
  }

  /// The least limit of this process's control group and of all groups above it that are visible, of either version of control groups.
  ///
  /// - Parameters:
  ///   - root: in front of all paths, for tests.
  ///   - machine: what there is, in bytes.
  package init(root: String = "", machine: Int = Self.machineBytes) {
    var least = MemoryLimit(bytes: machine)
    for file in Self.files(root) {
      // A file of /proc or /sys has no size to read by. Where nothing is limited it says "max", or a number that no machine reaches.
      let text = String(decoding: FileManager.default.contents(atPath: root + file) ?? Data(), as: UTF8.self)
      guard let bytes = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), bytes < least.bytes else {
        continue
      }
      least = MemoryLimit(bytes: bytes, file: file)
    }
    self = least
  }

  /// The memory of this machine, in bytes.
  package static var machineBytes: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

  /// The files that may limit this process, from its own group up, whether they are there or not.
  private static func files(_ root: String) -> [String] {
    let groups = lines("\(root)/proc/self/cgroup").map {
      $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    }.filter { $0.count == 3 }
    return lines("\(root)/proc/self/mountinfo").compactMap(Mount.init).flatMap { mount -> [String] in
      let name: String
      let group: String?
      switch mount.kind {
      case "cgroup2":
        name = "memory.max"
        group = groups.first { $0[0] == "0" && $0[1].isEmpty }?[2]
      case "cgroup" where mount.options.contains("memory"):
        name = "memory.limit_in_bytes"
        group = groups.first { $0[1].split(separator: ",").contains("memory") }?[2]
      default: return []
      }
      guard let group else { return [] }
      return mount.folders(upFrom: group).map { "\($0)/\(name)" }
    }
  }

  private static func lines(_ path: String) -> [Substring] {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self).split(
      separator: "\n")
  }

  /// A line of `/proc/self/mountinfo`: `36 35 98:0 /root /point options optional... - kind source options`
  private struct Mount {
    /// The group that is seen at `point`: not / in some containers.
    let root: String
    let point: String
    let kind: String
    let options: [Substring]

    init?(_ line: Substring) {
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { return nil }
      root = Self.unescaped(fields[3])
      point = Self.unescaped(fields[4])
      kind = String(fields[dash + 1])
      options = fields[dash + 3].split(separator: ",")
    }

    /// Folders of a group and of those above it, as far as they are mounted.
    func folders(upFrom group: String) -> [String] {
      let (above, below) = (root.split(separator: "/"), group.split(separator: "/"))
      // Seen from another namespace of groups, a path leads somewhere else; what is mounted is what can be known.
      let isInside = below.starts(with: above) && !below.contains("..")
      let parts = isInside ? below.dropFirst(above.count) : []
      return (0...parts.count).reversed().map { count in
        ([point == "/" ? "" : point] + parts.prefix(count).map(String.init)).joined(separator: "/")
      }
    }

    /// Spaces and the like are written as `\040`.
    private static func unescaped(_ text: Substring) -> String {
      text.replacing(/\\([0-7]{3})/) { match in
        UInt8(match.output.1, radix: 8).map { String(UnicodeScalar($0)) } ?? String(match.output.0)
      }.description
    }
  }
}
