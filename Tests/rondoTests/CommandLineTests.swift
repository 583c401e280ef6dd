import Foundation
import MPITestSupport
import Testing

/// The `rondo` of this build, which lies beside the test bundle.
func rondo() throws -> String {
  let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  return URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "rondo").path
}

/// A directory for a test's files, removed with the value, and with it the memory of runs in it that were killed.
final class TemporaryDirectory {
  let path = FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit {
    let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    for name in names where name.hasSuffix("run.json") {
      let run = (path + "/" + name).dropLast("/run.json".count)
      for memory in (try? RunRecord(String(run)).memory) ?? [] {
        try? FileManager.default.removeItem(atPath: "/dev/shm/\(memory)")
      }
    }
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file and gives its path.
  func write(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
    return path + "/" + name
  }
}

let digits = digitsConfiguration(training: ["steps: 20"])

/// Wrong input: one clear line and exit status 2.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct CommandLineTests {
  private func expectRefusal(
    ranks: Int = 1, _ arguments: [String], contains parts: [String],
    location: SourceLocation = #_sourceLocation
  ) throws {
    let job = try Job.run(ranks: ranks, program: try rondo(), arguments: arguments)
    #expect(job.exitStatus == 2, "\(job)", sourceLocation: location)
    let lines = job.output.split(separator: "\n").filter { $0.contains("rondo: error: ") }
    #expect(lines.count == 1, "one line, whatever the number of ranks: \(job)", sourceLocation: location)
    for part in parts {
      #expect(lines.first?.contains(part) == true, "\"\(part)\" in: \(job)", sourceLocation: location)
    }
  }

  @Test(arguments: [1, 3]) func anUnknownKeyIsNamedWithItsNeighbour(ranks: Int) throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits + "seeed: 3\n")
    try expectRefusal(
      ranks: ranks, ["train", config], contains: ["c.yaml:6", "unknown key \"seeed\"", "\"seed\""])
  }

  @Test func inspectPrintsLayersAndMemory() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let job = try Job.run(ranks: 1, program: try rondo(), arguments: ["inspect", config])
    #expect(job.exitStatus == 0, "\(job)")
    for part in ["1,210 parameters", "dense hidden.0", "memory of a rank"] {
      #expect(job.output.contains(part), "\(job)")
    }
    let json = try Job.run(ranks: 1, program: try rondo(), arguments: ["inspect", config, "--json"])
    #expect(json.output.contains("\"parameter_count\":1210"), "\(json)")
    try expectRefusal(["inspect", config, "--set", "model.hidden=[0]"], contains: ["model.hidden"])
  }

  @Test func aTrainedGPTContinuesTexts() throws {
    let directory = try TemporaryDirectory()
    let text = try directory.write("t.txt", String(repeating: "abcdefgh ", count: 200))
    let config = try directory.write(
      "c.yaml",
      """
      model: { kind: gpt, layers: 1, heads: 2, width: 16, context: 16 }
      data: { path: \(text), format: text }
      training: { batch: 8, microbatch: 4, steps: 120, optimizer: { kind: adamw, learning_rate: 0.01 } }

      """)
    let run = directory.path + "/run"
    let training = try Job.run(
      ranks: 2, program: try rondo(), arguments: ["train", config, "--output", run])
    #expect(training.exitStatus == 0 && training.output.contains("perplexity"), "\(training)")
    let arguments = ["predict", run, "--prompt", "abc", "--tokens", "9", "--temperature", "0"]
    let json = try Job.run(ranks: 1, program: try rondo(), arguments: arguments + ["--format", "jsonl"])
    #expect(json.output.contains("{\"prompt\":\"abc\",\"text\":\"defgh abc\"}"), "\(json)")
    // A reader that goes away ends it, without a crash.
    let piped = try bash(
      #""$0" predict "$1" --prompt abc --tokens 5000 | head -c 3; echo " status ${PIPESTATUS[0]}""#, run)
    #expect(piped.contains("abc status 0"))
    try expectRefusal(["predict", directory.path, "--prompt", "a"], contains: ["no run directory"])
    try expectRefusal(["predict", run, "--prompt", "a", "--input", "b"], contains: ["--prompt"])
    let prompts = try directory.write("prompts.jsonl", "{\"prompt\": \"abc\"}\n{\"prompt\": \"gh\"}\n{}\n")
    let lines = try Job.run(
      ranks: 1, program: try rondo(),
      arguments: ["predict", run, "--input", prompts, "--tokens", "9", "--temperature", "0"])
    #expect(lines.output.contains("{\"prompt\":\"abc\",\"text\":\"defgh abc\"}"), "\(lines)")
    #expect(lines.output.contains("prompts.jsonl:3: expected an object") && lines.exitStatus == 2, "\(lines)")
  }

  @Test(arguments: [1, 2]) func aMissingFileIsNamed(ranks: Int) throws {
    try expectRefusal(ranks: ranks, ["train", "/nowhere/c.yaml"], contains: ["/nowhere/c.yaml"])
  }

  @Test func faultsOfACSVFileNameRowAndColumn() throws {
    let directory = try TemporaryDirectory()
    let ragged = try directory.write("ragged.csv", "a,b,y\n1,2,0\n1,2\n")
    let text = try directory.write("text.csv", "a,b,y\n1,2,0\n1,two,1\n")
    for (path, parts) in [(ragged, ["ragged.csv:3"]), (text, ["text.csv:3", "\"b\"", "two"])] {
      let config = try directory.write(
        "c.yaml",
        "model: { hidden: [4] }\ndata: { path: \(path), label: y }\ntraining: { batch: 2, microbatch: 1, epochs: 1 }\n"
      )
      try expectRefusal(ranks: 2, ["train", config], contains: parts)
    }
  }

  @Test func moreRanksThanMicrobatchesAreRefusedWithTheNumbers() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    try expectRefusal(ranks: 5, ["train", config], contains: ["5 ranks", "4 microbatches", "240"])
  }

  @Test func aMicrobatchThatDoesNotDivideTheBatchIsRefusedWithValuesThatWould() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    try expectRefusal(
      ["train", config, "--set", "training.microbatch=50"], contains: ["50", "48", "60"])
  }

  @Test func aRunDirectoryThatIsTakenIsRefused() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    _ = try directory.write("config.yaml", "")
    try expectRefusal(
      ranks: 2, ["train", config, "--output", directory.path, "--resume", "never"], contains: ["--output"])
  }

  @Test(arguments: [
    ["train"], ["trian"], ["train", "c.yaml", "--sett", "a=b"], ["bench", "train", "--steps", "0"],
    ["bench", "train", "--model", "resnet2000"], ["bench", "allreduce", "--algorithm", "ring,rung"],
    ["bench", "allreduce", "--algorithm", "ring,"],
  ])
  func wrongUsageIsOneLine(arguments: [String]) throws {
    try expectRefusal(ranks: 2, arguments, contains: [])
  }

  @Test func algorithmsThatTakeTurnsAreMeasuredInTheirOrder() throws {
    let job = try Job.run(
      ranks: 2, program: try rondo(),
      arguments: [
        "bench", "allreduce", "--algorithm", "linear,mpi", "--min", "4KiB", "--max", "4KiB", "--warmup", "0",
        "--repetitions", "2", "--json",
      ])
    let algorithms = job.output.matches(of: /"algorithm":"([^"]*)"/).map { String($0.output.1) }
    #expect(job.exitStatus == 0 && algorithms == ["linear", "mpi"], "\(job)")
  }

  @Test func aFigureOfFloat32IsNotShownAsBfloat16() throws {
    let bench = [
      "bench", "allreduce", "--wire", "bfloat16", "--min", "4KiB", "--max", "4KiB", "--repetitions", "2",
    ]
    let job = try Job.run(ranks: 2, program: try rondo(), arguments: bench + ["--json"])
    let algorithms = job.output.matches(of: /"algorithm":"([^"]*)"/).map { String($0.output.1) }
    #expect(
      job.exitStatus == 0
        && algorithms == ["ring", "recursive-doubling", "halving-doubling", "direct", "linear"], "\(job)")
    #expect(
      job.output.contains("left out, as they send no bfloat16 here: mpi, tree, shared, auto\n"), "\(job)")
    for algorithm in ["tree", "shared", "mpi", "auto", "two-level"] {
      try expectRefusal(ranks: 2, bench + ["--algorithm", algorithm], contains: ["float32"])
    }
  }

  /// Characters that a terminal would obey, those of one byte and of more.
  private static let obeyed = "\u{1B}[31m\u{7}\u{9B}1m\u{202E}"

  private static let wrongFiles: [(name: String, text: String, arguments: [String], problem: String)] = [
    ("c.yaml", "name: a\n\(obeyed): 1\n", ["train"], "c.yaml:2: the YAML cannot be read: control characters"),
    ("c.yaml", "name: a\n\"\\e[31m\\u009B\\u202E\": 1\n", ["train"], "c.yaml:2: unknown key"),
    ("c.yaml", String(repeating: "é", count: 1_000_000), ["train"], "c.yaml"),
    ("w.safetensors", obeyed, ["inspect"], "w.safetensors"),
    ("\(obeyed).yaml", "", ["train"], "the file is empty"),
    ("m.json", obeyed, ["simulate", "--ranks", "2", "--model"], "it is no JSON"),
    ("m.json", "", ["bench", "allreduce", "--algorithm", obeyed], "there is no allreduce algorithm"),
  ]

  @Test(arguments: wrongFiles) func anErrorShowsNothingThatATerminalObeys(
    name: String, text: String, arguments: [String], problem: String
  ) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(name, text)
    let last = arguments.last == Self.obeyed ? [] : [path]
    let run = try alone(arguments + last)
    #expect(run.status == 2 && run.output.contains(problem), "\(run)")
    #expect(run.output.split(separator: "\n").count == 1 && run.output.utf8.count < 5_000, "\(run)")
    let shown = Set(run.output.unicodeScalars)
    #expect(shown.isDisjoint(with: ["\u{1B}", "\u{7}", "\u{9B}", "\u{202E}"]), "\(run)")
  }

  /// A run without a launcher.
  private func alone(_ arguments: [String], environment: [String: String] = Job.launchEnvironment) throws -> (
    status: Int32, output: String
  ) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["120", try rondo()] + arguments
    process.environment = environment
    let printed = try output(of: process)
    return (process.terminationStatus, printed)
  }

  @Test func columnsOfAFileThatIsNoTableAreShownAsText() throws {
    let directory = try TemporaryDirectory()
    let names = ["a", Self.obeyed, String(repeating: "x", count: 100_000)]
    let data = try directory.write("data.csv", "\(names.joined(separator: ","))\n1,2,3\n")
    let config = try directory.write(
      "c.yaml",
      "model: { kind: logistic }\ndata: { path: \(data), label: missing }\ntraining: { epochs: 1 }\n")
    let run = try alone(["train", config])
    #expect(run.status == 2 && run.output.utf8.count < 800, "\(run)")
    #expect(
      run.output.contains(#"; the columns are a, "\u{1B}[31m\u{07}\u{9B}1m\u{202E}", "xxx"#), "\(run)")
  }

  /// Without a launcher, and nothing in PATH: Open MPI would ask for a daemon, and that for ssh.
  @Test(arguments: ["", "/nonexistent"]) func oneRankNeedsNoDaemonOfOpenMPI(path: String) throws {
    let run = try alone(
      [
        "bench", "allreduce", "--algorithm", "ring", "--min", "4KiB", "--max", "4KiB", "--repetitions", "1",
        "--json",
      ], environment: ["PATH": path])
    #expect(run.status == 0 && run.output.contains("\"ranks\":1,"), "\(run)")
    #expect(run.output.split(separator: "\n").count == 1, "\(run)")
  }

  @Test(arguments: ["0", "-3", "many"]) func aWrongNumberOfThreadsIsRefused(threads: String) throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let job = try Job.run(
      ranks: 1, program: try rondo(), arguments: ["train", config, "--threads=\(threads)"])
    #expect(job.exitStatus == 2 && job.output.contains("threads"), "\(job)")
  }

  @Test(arguments: [0, 3]) func srunWithoutPMIxIsRefusedByTheFirstTask(task: Int) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "120", try rondo(), "doctor"]
    process.environment = [
      "SLURM_STEP_ID": "0", "SLURM_SRUN_COMM_HOST": "10.0.0.1", "SLURM_NTASKS": "4",
      "SLURM_PROCID": "\(task)",
    ]
    let output = try output(of: process)
    #expect(process.terminationStatus == 2)
    #expect(task == 0 ? output.contains("srun --mpi=pmix") : output.isEmpty, "\(output)")
  }

  @Test func aMetricThatEvaluationsWillNotHaveIsRefusedBeforeTraining() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let output = directory.path + "/run"
    for (settings, part) in [
      (["checkpoint.best=r2"], "checkpoint.best: evaluations will have no r2"),
      (["training.early_stopping.patience=2", "training.early_stopping.metric=mse"], "will have no mse"),
      (
        ["training.schedule.warmup_steps=1000000"],
        "training.schedule.warmup_steps: a warm-up of 1000000 steps"
      ),
    ] {
      try expectRefusal(
        ranks: 2, ["train", config, "--output", output] + settings.flatMap { ["--set", $0] }, contains: [part]
      )
      #expect(!FileManager.default.fileExists(atPath: output))
    }
  }

  @Test func aVocabularyThatLacksCodesOfTheDataIsRefused() throws {
    let directory = try TemporaryDirectory()
    let text = try directory.write("t.txt", String(repeating: "some letters, ", count: 100))
    let config = try directory.write(
      "c.yaml",
      """
      model: { kind: gpt, layers: 1, heads: 1, width: 8, context: 8, vocabulary: 100 }
      data: { path: \(text), format: text }
      training: { batch: 4, microbatch: 2, steps: 1 }

      """)
    try expectRefusal(
      ["train", config, "--output", directory.path + "/run"],
      contains: ["model.vocabulary: expected at least 256, the codes of the data, found 100"])
    try expectRefusal(["inspect", config], contains: ["model.vocabulary: expected at least 256"])
  }

  @Test func aReaderThatGoesAwayDoesNotEndTheRun() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let output = directory.path + "/run"
    let command = "\(try rondo()) train \(config) --json --threads 1 --output \(output) | head -1"
    _ = try Job.run(ranks: 1, program: "/bin/sh", arguments: ["-c", command])
    #expect(FileManager.default.fileExists(atPath: output + "/summary.json"))
  }

  @Test func aModelThatDoesNotFitIntoMemoryIsRefused() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    try expectRefusal(
      ["train", config, "--set", "model.hidden=[16777216, 16777216]"],
      contains: ["GB", "make the model or training.microbatch smaller"])
  }

  /// However its state would be shared out.
  @Test func aModelThatDoesNotFitIntoMemoryIsInspected() throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    for options in [
      "--ranks 4 --hosts 2", "--ranks 4 --hosts 2 --set training.optimizer.sharded=true",
      "--ranks 2 --set communication.algorithm=tree",
    ] {
      let output = try bash(
        "\"$0\" inspect \"$1\" --set model.hidden='[16777216, 16777216]' \(options) | tail -1", config)
      #expect(output.hasPrefix("refused here: the model needs "), "\(options): \(output)")
    }
  }

  @Test(arguments: [1, 2, 4]) func jsonIsOneObjectALineWithTheSummaryLast(ranks: Int) throws {
    let directory = try TemporaryDirectory()
    let config = try directory.write("c.yaml", digits)
    let job = try Job.run(
      ranks: ranks, program: try rondo(),
      arguments: ["train", config, "--json", "--threads", "1", "--output", directory.path + "/run"])
    #expect(job.exitStatus == 0, "\(job)")
    let lines = job.output.split(separator: "\n").compactMap { line in
      line.firstIndex(of: "{").map { String(line[$0...]) }
    }
    let objects = try lines.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
    }
    #expect(objects.last?["ranks"] as? Int == ranks, "\(job)")
    #expect(objects.dropLast().allSatisfy { $0["step"] != nil }, "\(job)")
  }

  /// The promise of the same bits holds on one kind of kernel: a run on several says so.
  @Test func ranksWithDifferentKernelsAreNamed() throws {
    let directory = try TemporaryDirectory()
    let configuration = try directory.write("c.yaml", digitsConfiguration(training: ["steps: 2"]))
    func warnings(_ kernels: [String]) throws -> [String] {
      let job = try Job.run(
        ranks: 2, program: "bash",
        arguments: [
          "-c",
          "kernels=(\(kernels.joined(separator: " "))); export OPENBLAS_CORETYPE=${kernels[OMPI_COMM_WORLD_RANK]}; exec \"$0\" train \"$1\" --threads 1 --output \"$2\"",
          try rondo(), configuration, "\(directory.path)/\(kernels.joined())",
        ])
      #expect(job.exitStatus == 0, "\(job)")
      return job.output.split(separator: "\n").map(String.init).filter { $0.contains("OPENBLAS_CORETYPE") }
    }
    let same = try warnings(["Haswell", "Haswell"])
    #expect(same == [])
    let mixed = try warnings(["Haswell", "Nehalem"])
    #expect(
      mixed.count == 1 && mixed[0].contains("kernel Haswell on ") && mixed[0].contains("with Nehalem on "),
      "\(mixed)")
  }
}
