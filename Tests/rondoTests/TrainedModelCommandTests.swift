import Foundation
import MPITestSupport
import Testing

/// `rondo evaluate`, `predict` and `inspect` on a run.
@Suite(.serialized, .enabled(if: !isUnderLauncher)) struct TrainedModelCommandTests {
  private static let table =
    "size,colour,kind\n"
    + (0..<120).map {
      "\($0 * 7 % 50),\($0 % 3 == 0 ? "red" : "blue"),\($0 * 7 % 50 > 25 ? "big, very" : "small")\n"
    }
    .map { $0.replacing("big, very", with: "\"big, very\"") }.joined()

  /// Trains on a table and gives the run's path.
  private func train(in directory: TemporaryDirectory) throws -> String {
    let data = try directory.write("table.csv", Self.table)
    let config = try directory.write(
      "c.yaml",
      """
      model: { kind: tabular, hidden: [8] }
      data: { path: \(data), label: kind, categorical: [colour], standardize: true }
      training: { batch: 24, microbatch: 6, epochs: 8, optimizer: { kind: adamw, learning_rate: 0.03 } }

      """)
    let run = directory.path + "/run"
    let job = try Job.run(
      ranks: 2, program: try rondo(), arguments: ["train", config, "--threads", "1", "--output", run])
    #expect(job.exitStatus == 0, "\(job)")
    return run
  }

  @Test func evaluateEqualsTheSummary() throws {
    let directory = try TemporaryDirectory()
    let run = try train(in: directory)
    let summary = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: run + "/summary.json")))
        as? [String: Any])
    let expected = try #require(summary["evaluation"] as? [String: Double])
    #expect(
      Set(["accuracy", "f1", "log_loss", "loss", "pr_auc", "precision", "recall", "roc_auc"])
        == Set(expected.keys))
    for ranks in [1, 3] {
      let job = try Job.run(
        ranks: ranks, program: try rondo(), arguments: ["evaluate", run, "--threads", "1", "--json"])
      let lines = job.output.split(separator: "\n").filter { $0.contains("{") }
      #expect(job.exitStatus == 0 && lines.count == 1, "\(job)")
      let line = try #require(lines.first)
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(line[line.firstIndex(of: "{")!...].utf8))
          as? [String: Any])
      #expect(object["evaluation"] as? [String: Double] == expected, "\(job)")
      #expect(
        (object["confusion_matrix"] as? [[Int]])?.count == 2 && object["samples"] as? Int ?? 0 > 0, "\(job)")
    }
    let people = try bash(#""$0" evaluate "$1" --data "$1/../table.csv" --threads 1"#, run)
    for part in ["120 samples", "accuracy ", "confusion matrix", "big, very  "] {
      #expect(people.contains(part), "\(people)")
    }
    let inspected = try bash(#""$0" inspect "$1"; "$0" inspect "$1/model.safetensors" --json"#, run)
    for part in [
      "a finished run", "tabular", "held out", "preprocessing.json", "\"elements\":", "\"type\":\"F32\"",
    ] {
      #expect(inspected.contains(part), "\(inspected)")
    }
  }

  /// Each line is answered before the next one is written.
  @Test(arguments: [
    ("jsonl", "", ["{\"size\": 3, \"colour\": \"red\"}", "{\"colour\": null, \"size\": 49}"]),
    ("csv", "note,size,colour", ["x,3,\"red\"", "\"a,b\",49,"]),
  ])
  func predictAnswersEachLineAsItComes(format: String, header: String, lines: [String]) throws {
    let directory = try TemporaryDirectory()
    let run = try train(in: directory)
    let asked = try directory.write("asked", lines.joined(separator: "\n") + "\n")
    let answers = try bash(
      """
      coproc "$0" predict "$1" --format \(format) --batch 4
      ask() { printf '%s\\n' "$1" >&"${COPROC[1]}"; }
      answer() { read -r -t 30 line <&"${COPROC[0]}" || exit 9; echo "answer $line"; }
      if [ -n "\(header)" ]; then ask "\(header)"; answer; fi
      while read -r -u 5 line; do ask "$line"; answer; done 5< \(asked)
      pid=$COPROC_PID
      eval "exec ${COPROC[1]}>&-"
      wait "$pid"; echo "status $?"
      """, run)
    let found = answers.split(separator: "\n")
    #expect(found.last == "status 0", "\(answers)")
    let predictions = found.filter { $0.hasPrefix("answer ") }.suffix(lines.count)
    #expect(predictions.count == lines.count, "\(answers)")
    #expect(
      predictions.first?.contains("small") == true && predictions.last?.contains("big, very") == true,
      "\(answers)")
  }

  @Test func aLineThatIsWrongEndsItAfterTheAnswersToAllBeforeIt() throws {
    let directory = try TemporaryDirectory()
    let run = try train(in: directory)
    let input = try directory.write("input.csv", "colour,size\nred,1\nblue,2\nred,three\nred,4\n")
    for batch in [1, 64] {
      let output = try bash(
        #""$0" predict "$1" --input \#(input) --batch \#(batch); echo "status $?""#, run)
      let lines = output.split(separator: "\n")
      #expect(lines.count == 5 && lines.last == "status 2", "\(output)")
      #expect(
        lines.contains {
          $0.hasPrefix("rondo: error: ")
            && $0.hasSuffix("input.csv:4: column \"size\": expected a number, found \"three\"")
        }, "\(output)")
    }
    let json = try bash(
      #"printf '{"size": 1, "colour": "red"}\n{"size": 1}\n' | "$0" predict "$1"; echo "status $?""#, run)
    #expect(json.contains("{\"class\":\"small\""), "\(json)")
    #expect(
      json.contains("standard input:2: the model takes \"colour\"") && json.contains("status 2"), "\(json)")
  }

  @Test func aReaderThatGoesAwayEndsItQuietly() throws {
    let directory = try TemporaryDirectory()
    let run = try train(in: directory)
    let output = try bash(
      #"yes '{"size": 1, "colour": "red"}' | "$0" predict "$1" | head -2; echo "status ${PIPESTATUS[1]}""#,
      run)
    let lines = output.split(separator: "\n")
    #expect(lines.count == 3 && lines.last == "status 0", "\(output)")
    #expect(lines.first == lines.dropFirst().first, "one sample, one prediction: \(output)")
  }

  /// As when a disk is full.
  @Test func whatCannotBeWrittenIsAFailure() throws {
    let directory = try TemporaryDirectory()
    let run = try train(in: directory)
    let input = try directory.write("input.csv", "colour,size\nred,1\n")
    for command in [#"predict "$1" --input \#(input)"#, #"evaluate "$1" --threads 1"#, #"inspect "$1""#] {
      let output = try bash("\"$0\" \(command) > /dev/full; echo \"status $?\"", run)
      #expect(
        output.split(separator: "\n") == [
          "rondo: error: standard output: cannot write (No space left on device)", "status 1",
        ], "\(command): \(output)")
    }
    // Who closes it wants nothing; files that are opened then must not take its place.
    let closed = try bash(#""$0" predict "$1" --input \#(input) >&-; echo "status $?""#, run)
    #expect(closed == "status 0\n", "\(closed)")
  }

  @Test func ofSeveralRanksOneAnswers() throws {
    let directory = try TemporaryDirectory()
    let run = try train(in: directory)
    let input = try directory.write("input.csv", "colour,size\nred,1\n")
    let job = try Job.run(
      ranks: 2, program: try rondo(), arguments: ["predict", run, "--input", input, "--format", "jsonl"])
    let answers = job.output.split(separator: "\n").filter { $0.contains("probabilities") }
    #expect(job.exitStatus == 0 && answers.count == 1, "\(job)")
  }

  @Test func wrongUsageIsOneLine() throws {
    let directory = try TemporaryDirectory()
    let run = try train(in: directory)
    let cases = [
      (#"predict "$1" --prompt abc < /dev/null"#, "--prompt is for a gpt"),
      (#"predict "$1" --format text < /dev/null"#, "text is for a gpt"),
      (#"predict "$1" --prompt abc --input x"#, "one of --prompt TEXT and --input PATH"),
      (#"predict "$1/.." < /dev/null"#, "no run directory"),
      (#"predict "$1" --input /nowhere.csv"#, "/nowhere.csv"),
      (#"predict "$1" --batch 0"#, "--batch"),
      (#"predict "$1" --batch 100000000 < /dev/null"#, "--batch"),
      (#"evaluate "$1" --data /nowhere.csv --threads 1"#, "/nowhere.csv"),
      (#"inspect "$1" --set seed=1"#, "--set overrides keys of a configuration"),
      (#"inspect "$1/..""#, "no run and no checkpoint"),
      (#"inspect "$1/nothing.safetensors""#, "nothing.safetensors"),
    ]
    for (command, part) in cases {
      let output = try bash("\"$0\" \(command); echo \"status $?\"", run)
      let lines = output.split(separator: "\n")
      #expect(lines.count == 2 && lines.last == "status 2", "\(command): \(output)")
      #expect(lines.contains { $0.hasPrefix("rondo: error: ") && $0.contains(part) }, "\(command): \(output)")
    }
  }
}
