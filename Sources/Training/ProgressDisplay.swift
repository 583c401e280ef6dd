import Foundation
import MPI

/// What rank 0 tells a person about a run: a live bar on a terminal, a line every few seconds elsewhere.
struct ProgressDisplay {
  /// How the run shows itself.
  enum Style: Sendable {
    case people
    /// One JSON object a line, those of `metrics.jsonl`; the summary is the last.
    case json
    case silent
  }

  private let style: Style
  private let isLive: Bool
  private let totalSteps: Int
  private let stepsPerEpoch: Int
  private var lastShown = -Double.infinity
  private var hasBar = false

  init(_ style: Style, totalSteps: Int, stepsPerEpoch: Int) {
    self.style = style
    self.totalSteps = totalSteps
    self.stepsPerEpoch = stepsPerEpoch
    isLive = style == .people && Terminal.isLive
  }

  /// A line that stays.
  mutating func say(_ line: @autoclosure () -> String) {
    guard style == .people else { return }
    clearBar()
    Terminal.write(TerminalText.escaped(line()) + "\n")
  }

  mutating func show(_ metrics: StepMetrics) {
    switch style {
    case .silent: break
    case .json: Terminal.write(JSONLine.encode(metrics) + "\n")
    case .people:
      let isLast = metrics.step == totalSteps
      guard isLast || metrics.wallSeconds - lastShown >= (isLive ? 0.1 : 2) else { return }
      lastShown = metrics.wallSeconds
      let left = Double(totalSteps - metrics.step) * metrics.wallSeconds / Double(max(1, metrics.step))
      let text =
        "epoch \(min((metrics.step - 1) / stepsPerEpoch + 1, (totalSteps - 1) / stepsPerEpoch + 1))"
        + "/\((totalSteps - 1) / stepsPerEpoch + 1)  step \(metrics.step)/\(totalSteps)"
        + "  loss \(metrics.loss.map(Self.number) ?? "of skipped steps only")  \(Self.grouped(metrics.samplesPerSecond)) samples/s"
        + "  \(Self.clock(left)) left"
      if isLive && !isLast {
        Terminal.write("\r\u{1B}[K" + bar(metrics.step) + text)
        hasBar = true
      } else {
        clearBar()
        Terminal.write(text + "\n")
      }
    }
  }

  mutating func show(_ metrics: EvaluationMetrics) {
    switch style {
    case .silent: break
    case .json: Terminal.write(JSONLine.encode(metrics) + "\n")
    case .people:
      let values = Metric.headlines.compactMap { metric in
        metrics.evaluation[metric.rawValue].map { "\(metric.rawValue) \(Self.number($0))" }
      }
      say("epoch \(Self.number(metrics.epoch))  held out: \(values.joined(separator: "  "))")
    }
  }

  mutating func finish(_ summary: Summary, path: String) {
    switch style {
    case .silent: break
    case .json: Terminal.write(summary.json() + "\n")
    case .people:
      let result =
        summary.evaluation["accuracy"].map { String(format: "test accuracy %.2f %%, ", 100 * $0) }
        ?? summary.evaluation["r2"].map { String(format: "test R2 %.4f, ", $0) } ?? ""
      say(
        "done: \(result)\(Self.grouped(summary.samplesPerSecond)) samples/s, \(summary.steps) steps in "
          + String(format: "%.1f s", summary.wallSeconds))
      say("run directory: \(path)")
    }
  }

  private mutating func clearBar() {
    if hasBar { Terminal.write("\r\u{1B}[K") }
    hasBar = false
  }

  private func bar(_ step: Int) -> String {
    let width = 20
    let filled = width * step / max(1, totalSteps)
    return "[" + String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled) + "] "
  }

  static func number(_ value: Double) -> String { String(format: "%.4g", value) }

  static func grouped(_ value: Double) -> String {
    guard value.isFinite, value < 1e15 else { return "\(value)" }
    var digits = String(Int(value.rounded()))
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return ([digits] + groups).joined(separator: ",")
  }

  static func clock(_ seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded(.up))
    return whole >= 3600
      ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
      : String(format: "%d:%02d", whole / 60, whole % 60)
  }
}
