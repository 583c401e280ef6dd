import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// The processes of a job's ranks, for tests that do something to them.
enum RankProcess {
  /// The process of that rank of the job that writes to `output`; with nil one that runs without a launcher.
  static func find(rank: Int?, output: String) -> pid_t? {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.compactMap(pid_t.init).first { process in
      guard let command = FileManager.default.contents(atPath: "/proc/\(process)/cmdline"),
        let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ")
      else { return false }
      let words = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      let variables = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return words.first?.hasSuffix("/rondo") == true && words.contains(output)
        && variables.first { $0.hasPrefix("OMPI_COMM_WORLD_RANK=") }
          == rank.map { "OMPI_COMM_WORLD_RANK=\($0)" }
    }
  }

  /// The process that started another one.
  static func parent(of process: pid_t) -> pid_t? {
    // A file of /proc has no size to read by.
    let status = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
    let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("PPid:") }
    return line.flatMap { pid_t($0.dropFirst(5).trimmingCharacters(in: .whitespaces)) }
  }

  /// Waits until a signal that was sent to a process is not pending any more, for at most 60 s.
  static func whenTaken(_ signal: Int32, by process: pid_t) {
    let limit = Date().addingTimeInterval(60)
    while Date() < limit, isPending(signal, at: process) { usleep(1_000) }
  }

  /// Stops processes until a signal is pending at each that is left, for at most 60 s, however often somebody else lets them go on.
  static func hold(_ processes: [pid_t], until signal: Int32) {
    let limit = Date().addingTimeInterval(60)
    while Date() < limit {
      let left = processes.filter { kill($0, SIGSTOP) == 0 }
      if left.allSatisfy({ isPending(signal, at: $0) }) { break }
      usleep(1_000)
    }
    for process in processes { kill(process, SIGCONT) }
  }

  private static func isPending(_ signal: Int32, at process: pid_t) -> Bool {
    let status = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
    let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
    let pending = lines.filter { $0.hasPrefix("SigPnd:") || $0.hasPrefix("ShdPnd:") }.compactMap {
      UInt64($0.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16)
    }
    return pending.contains { $0 >> (signal - 1) & 1 == 1 }
  }

  /// Waits until the run has logged steps, and gives the process of that rank; nil after 100 s.
  static func whenTraining(rank: Int, output: String) -> pid_t? {
    let limit = Date().addingTimeInterval(100)
    while Date() < limit {
      let metrics = (try? String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8)) ?? ""
      if metrics.contains("\n"), let process = find(rank: rank, output: output) { return process }
      usleep(20_000)
    }
    return nil
  }
}
