import Foundation
import Testing

@testable import Collectives

/// Limits of control groups, as the kernel shows them in /proc and /sys.
@Suite struct MemoryLimitTests {
  private static let machine = 64_000_000_000
  private static let hybrid = """
    30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
    31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw
    32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct
    33 30 0:29 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory

    """
  private static let unified = "31 30 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"

  /// - Parameter files: with their contents, beside those of `/proc`.
  private static func limit(groups: String, mounts: String, _ files: [String: String]) throws -> MemoryLimit {
    let root = FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let all = files.merging(["/proc/self/cgroup": groups, "/proc/self/mountinfo": mounts]) { own, _ in own }
    for (path, text) in all {
      let file = URL(fileURLWithPath: root + path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return MemoryLimit(root: root, machine: machine)
  }

  @Test func theLeastLimitOfAGroupAndThoseAboveItCounts() throws {
    let job = "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7"
    let groups = "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n"
    var files = [
      "\(job)/memory.max": "2000000000\n", "\(job)/step_0/memory.max": "max\n",
      "\(job)/step_0/user/task_0/memory.max": "3000000000\n", "/sys/fs/cgroup/other/memory.max": "1\n",
    ]
    #expect(
      try Self.limit(groups: groups, mounts: Self.unified, files)
        == MemoryLimit(bytes: 2_000_000_000, file: "\(job)/memory.max"))
    files["\(job)/step_0/user/task_0/memory.max"] = "1000000000\n"
    #expect(
      try Self.limit(groups: groups, mounts: Self.unified, files).file
        == "\(job)/step_0/user/task_0/memory.max")
  }

  @Test func groupsOfTheFirstVersionCountWhereMemoryIsTheirs() throws {
    let groups = "5:cpu,cpuacct:/a\n4:memory:/slurm/uid_0/job_7/step_0\n0::/b\n"
    let job = "/sys/fs/cgroup/memory/slurm/uid_0/job_7"
    let files = [
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "\(job)/memory.limit_in_bytes": "4000000000\n",
      "\(job)/step_0/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/memory.limit_in_bytes": "1\n",
    ]
    #expect(
      try Self.limit(groups: groups, mounts: Self.hybrid, files)
        == MemoryLimit(bytes: 4_000_000_000, file: "\(job)/memory.limit_in_bytes"))
  }

  /// A container may see its own group at the place where a host has the root.
  @Test(arguments: [
    ("4:memory:/docker/1f\n", "/docker/1f", "/a b"), ("4:memory:/../../x\n", "/y", "/a b"),
    ("4:memory:/docker/1f\n", "/another", "/a b"),
  ])
  func whatIsMountedIsWhatCanBeKnown(groups: String, root: String, point: String) throws {
    let mounts = "33 30 0:29 \(root) /a\\040b rw - cgroup cgroup rw,memory\n"
    let files = ["/a b/memory.limit_in_bytes": "500000000\n"]
    #expect(
      try Self.limit(groups: groups, mounts: mounts, files)
        == MemoryLimit(bytes: 500_000_000, file: "/a b/memory.limit_in_bytes"))
  }

  @Test func withoutALimitItIsWhatTheMachineHas() throws {
    let all = MemoryLimit(bytes: Self.machine)
    #expect(try Self.limit(groups: "", mounts: "", [:]) == all)
    #expect(try Self.limit(groups: "0::/a\n", mounts: Self.unified, [:]) == all)
    for text in ["max", "64000000001", "none", ""] {
      #expect(
        try Self.limit(groups: "0::/a\n", mounts: Self.unified, ["/sys/fs/cgroup/a/memory.max": text]) == all)
    }
    #expect(MemoryLimit().bytes > 0 && MemoryLimit().bytes <= MemoryLimit.machineBytes)
  }
}
