import BLAS
import Foundation
import Glibc
import MPI
import Training

/// What there is to know about a process before MPI starts: its environment as the launcher left it, and the machine.
struct MachineFacts {
  let environment = ProcessInfo.processInfo.environment
  let affinity = CPUAffinity.current
  let mpirun: RankFacts.MPIRun?
  let cpuModel: String
  let hasAVX2: Bool

  init() {
    let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    cpuModel = Self.field("model name", of: processor) ?? "unknown"
    hasAVX2 = Self.field("flags", of: processor)?.split(separator: " ").contains("avx2") ?? false
    // Only rank 0's is reported. Without a launcher, every process is rank 0.
    let rank = environment["OMPI_COMM_WORLD_RANK"] ?? environment["PMIX_RANK"] ?? "0"
    mpirun = rank == "0" ? Self.findMPIRun(path: environment["PATH"] ?? "") : nil
  }

  /// - Parameter threads: what training would start here, and why.
  func rankFacts(
    on world: borrowing Communicator, threads: (count: Int, source: String, problem: String?)
  ) throws -> RankFacts {
    RankFacts(
      rank: world.rank, host: MPI.processorName, rondoVersion: rondoVersion, mpiVersion: MPI.libraryVersion,
      threadLevel: "\(try MPI.threadLevel)", blasVersion: BLAS.libraryVersion, blasKernel: BLAS.kernelName,
      cpuModel: cpuModel, hasAVX2: hasAVX2, onlineCores: affinity.online, allowedCores: affinity.allowed,
      threads: threads.count, threadsSource: threads.source, threadsProblem: threads.problem,
      memoryBytes: Int(clamping: ProcessInfo.processInfo.physicalMemory),
      sharedMemoryFreeBytes: MPI.freeSharedMemoryBytes, isRoot: geteuid() == 0, mpirun: mpirun,
      environment: environment.filter { RankFacts.isRelevant(variable: $0.key) })
  }

  /// The value of the first line `name : value`.
  private static func field(_ name: String, of text: String) -> String? {
    text.split(separator: "\n").first { $0.hasPrefix(name) }
      .flatMap { $0.split(separator: ":", maxSplits: 1).last }
      .map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static func findMPIRun(path: String) -> RankFacts.MPIRun? {
    let candidates = path.split(separator: ":").map { "\($0)/mpirun" }
    guard let mpirun = candidates.first(where: { access($0, X_OK) == 0 }) else { return nil }
    return RankFacts.MPIRun(path: mpirun, version: firstLine(of: mpirun, "--version", seconds: 2))
  }

  /// The first line that a program prints; empty if it prints nothing within `seconds`, after which it is ended.
  private static func firstLine(of program: String, _ argument: String, seconds: Double) -> String {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = [argument]
    // A launcher inside a launcher must not take itself for a part of it.
    process.environment = ProcessInfo.processInfo.environment.filter {
      !$0.key.hasPrefix("OMPI_MCA_") && !$0.key.hasPrefix("PMIX_")
    }
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    do { try process.run() } catch { return "" }
    if ended.wait(timeout: .now() + seconds) == .timedOut {
      process.terminate()
      return ""
    }
    // What a version takes fits into the pipe's buffer, so the program could end without a reader.
    let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    return text.split(separator: "\n").first.map(String.init) ?? ""
  }
}
