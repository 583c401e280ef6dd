import Yams

extension Configuration {
  /// Every key that has a meaning in this configuration, with its value, as YAML. Reading it gives an equal configuration
  /// if ``validate()`` accepts this one.
  public var resolvedYAML: String {
    var yaml = "# The configuration of this run with every default filled in.\n"
    var section: [Substring] = []
    for key in Self.keys where key.isOutOfPlace(self) == nil {
      guard let node = key.node(self) else { continue }
      let path = key.name.split(separator: ".")
      let parents = Array(path.dropLast())
      let common = zip(section, parents).prefix { $0 == $1 }.count
      for depth in common..<max(parents.count, common) { yaml += indent(depth) + "\(parents[depth]):\n" }
      yaml += indent(parents.count) + "\(path[parents.count]): \(text(node))\n"
      section = parents
    }
    return yaml
  }

  private func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

  /// A value as the file has it, in one line.
  func text(_ node: Node) -> String {
    switch node {
    case .scalar(let scalar): scalar.style == .doubleQuoted ? quoted(scalar.string) : scalar.string
    case .sequence(let sequence): "[" + sequence.map(text).joined(separator: ", ") + "]"
    // No value of the table is written as one of these.
    case .mapping, .alias: ""
    }
  }

  /// A double-quoted scalar (YAML 1.2, section 5.7): what is not printable is escaped.
  private func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{A0}", "\u{2028}"..."\u{2029}", "\u{FEFF}",
        "\u{FFFE}"..."\u{FFFF}":
        let digits = String(scalar.value, radix: 16, uppercase: true)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
