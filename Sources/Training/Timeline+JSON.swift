extension Timeline {
  /// Writes the timeline in the Trace Event Format, for chrome://tracing and ui.perfetto.dev: a process for each rank, a thread for each
  /// row, complete events in microseconds.
  ///
  /// Source: Google, "Trace Event Format" (2016), JSON Object Format.
  ///
  /// - Parameter write: is given the file piece by piece.
  func write(_ write: (String) throws -> Void) rethrows {
    let start = rows.lazy.compactMap { $0.spans.first?.begin }.min() ?? 0
    try write("{\"displayTimeUnit\":\"ms\",\n\"otherData\":\(metadata),\n\"traceEvents\":[\n")
    var lines = hosts.enumerated().flatMap { rank, host in
      [
        name("process_name", pid: rank, "rank \(rank) (\(host))"),
        "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":\(rank),\"args\":{\"sort_index\":\(rank)}}",
      ]
    }
    for row in rows where !row.spans.isEmpty {
      lines.append(name("thread_name", pid: row.rank, tid: row.place.rawValue, "\(row.place)"))
    }
    try write(lines.joined(separator: ",\n"))
    for row in rows {
      var piece = ""
      for span in row.spans {
        piece += ",\n"
        append(span, of: row, since: start, to: &piece)
        if piece.utf8.count > 1 << 20 {
          try write(piece)
          piece = ""
        }
      }
      try write(piece)
    }
    try write("\n]}\n")
  }

  /// What the reader has to know of the file.
  private var metadata: String {
    JSONLine.encode(
      Metadata(
        steps: steps, keptSteps: keptSteps, clockErrorMicroseconds: clockErrors.map { Double($0) / 1000 },
        note: "times are on the clock of rank 0; those of each rank may be off by its clock error"
      ))
  }

  private struct Metadata: Encodable {
    var steps: Int
    var keptSteps: Int
    var clockErrorMicroseconds: [Double]
    var note: String
  }

  private func name(_ what: String, pid: Int, tid: Int = 0, _ name: String) -> String {
    let text = JSONLine.encode(name)
    return "{\"ph\":\"M\",\"name\":\"\(what)\",\"pid\":\(pid),\"tid\":\(tid),\"args\":{\"name\":\(text)}}"
  }

  private func append(_ span: Span, of row: Row, since start: Int64, to text: inout String) {
    text += "{\"ph\":\"X\",\"name\":\"\(span.kind)\",\"cat\":\"\(category(span.kind))\",\"pid\":\(row.rank)"
    text += ",\"tid\":\(row.place.rawValue),\"ts\":\(microseconds(span.begin - start))"
    text += ",\"dur\":\(microseconds(span.nanoseconds)),\"args\":{"
    switch span.kind {
    case .load, .forward, .backward:
      text += "\"step\":\(span.step + 1),\"microbatch\":\(span.number + 1)"
    case .reduction, .gather, .wait, .rendezvous:
      let bucket = Int(span.number)
      text += "\"step\":\(span.step + 1),\"bucket\":\(bucket + 1)"
      if bucketBytes.indices.contains(bucket) { text += ",\"bytes\":\(bucketBytes[bucket])" }
      if algorithms.indices.contains(bucket) { text += ",\"algorithm\":\"\(algorithms[bucket])\"" }
    case .step, .update, .check:
      text += "\"step\":\(span.step + 1)"
    case .collective:
      text += "\"step\":\(span.step)"
      if let kind = Collective.Kind(rawValue: Int(span.number)) { text += ",\"collective\":\"\(kind)\"" }
    case .evaluation, .start, .files:
      text += "\"step\":\(span.step)"
    }
    text += "}}"
  }

  private func category(_ kind: Span.Kind) -> String {
    switch kind {
    case .wait, .reduction, .gather, .rendezvous, .check, .collective: "communication"
    case .step, .load, .forward, .backward, .update, .evaluation, .start, .files: "computation"
    }
  }

  /// Nanoseconds as microseconds with three digits behind the point.
  private func microseconds(_ nanoseconds: Int64) -> String {
    let digits = String(nanoseconds.magnitude % 1000)
    return "\(nanoseconds < 0 ? "-" : "")\(nanoseconds.magnitude / 1000)."
      + String(repeating: "0", count: 3 - digits.count) + digits
  }
}
