import Datasets
import MPI
import Yams

/// Collects the values that a file and overrides give, each with its place, before any is used.
struct ConfigurationReader {
  /// The value given for a key, and where.
  struct Given {
    let node: Node
    let place: String?
  }

  private(set) var given: [String: Given] = [:]

  private static let keyNames = Set(Configuration.keys.map(\.name))

  /// Takes all values of a YAML document.
  ///
  /// - Parameter file: the name that messages show.
  mutating func read(yaml: String, file: String) throws(ConfigurationError) {
    guard let root = try Self.compose(yaml, at: file) else {
      throw ConfigurationError("the file is empty; expected a configuration", at: file)
    }
    guard case .mapping = root else {
      throw ConfigurationError(
        "expected sections such as model, data and training, found \(root.summary)", at: file)
    }
    try visit(root, as: "", place: file, file: file)
  }

  /// Takes one override, `KEY=VALUE` with a dotted key and a value in YAML. It replaces what was given before; an override
  /// of a whole section replaces the section, and one of two alternatives takes the place of the other.
  mutating func read(override: String) throws(ConfigurationError) {
    let place = "--set \(TerminalText.oneLine(override))"
    guard let equals = override.firstIndex(of: "="), equals != override.startIndex else {
      throw ConfigurationError("expected KEY=VALUE such as training.batch=128", at: place)
    }
    let name = String(override[..<equals])
    guard let node = try Self.compose(String(override[override.index(after: equals)...]), at: place) else {
      throw ConfigurationError("expected a value after the equals sign", at: place)
    }
    if case .mapping = node { given = given.filter { !$0.key.hasPrefix(name + ".") } }
    let before = given
    try visit(node, as: name, place: place, file: nil)
    for (first, second) in Configuration.alternatives {
      if isNew(first, since: before), !isNew(second, since: before) { given[second] = nil }
      if isNew(second, since: before), !isNew(first, since: before) { given[first] = nil }
    }
  }

  /// Forgets the value of `key`, so that its default is found anew.
  mutating func forget(_ key: String) { given[key] = nil }

  /// Sets all given values.
  func assign(to configuration: inout Configuration) throws(ConfigurationError) {
    for key in Configuration.keys {
      guard let given = given[key.name], !key.assign(&configuration, given.node) else { continue }
      let suggestion =
        given.node.plainText.map {
          Self.rounded($0) ?? Spelling.suggestion(for: $0, among: key.choices)
        } ?? ""
      throw ConfigurationError(
        "\(key.name): expected \(key.expected), found \(given.node.summary)\(suggestion)", at: given.place)
    }
  }

  /// What a number is rounded to, for a message, where that is 0, 1 or beyond all numbers.
  private static func rounded(_ text: String) -> String? {
    guard let number = Double(text), number.isFinite else { return nil }
    let rounded = Float(number)
    let isLost = [0, 1].contains(rounded.magnitude) || rounded.isInfinite
    return isLost && Double(rounded) != number ? ", which is \(rounded) as a 32-bit float" : nil
  }

  private func isNew(_ key: String, since before: [String: Given]) -> Bool {
    given[key] != nil && given[key]?.place != before[key]?.place
  }

  /// - Parameters:
  ///   - place: where the key of `node` stands.
  ///   - file: the file, if lines in it are places.
  private mutating func visit(
    _ node: Node, as name: String, place: String, file: String?
  ) throws(ConfigurationError) {
    if !name.isEmpty { try checkName(name, place: place) }
    if Self.keyNames.contains(name) {
      if file != nil, let earlier = given[name]?.place {
        throw ConfigurationError("\(name): given twice, first at \(earlier)", at: place)
      }
      given[name] = Given(node: node, place: place)
      return
    }
    guard case .mapping(let mapping) = node else {
      // A section with nothing in it, as when all its lines are comments.
      if file != nil, case .scalar = node, node.plainText == nil { return }
      let keys = Self.children(of: name).joined(separator: ", ")
      throw ConfigurationError("\(name): expected a section with \(keys), found \(node.summary)", at: place)
    }
    for (key, value) in mapping {
      var keyPlace = place
      if let file, let mark = key.mark { keyPlace = "\(file):\(mark.line)" }
      guard let word = key.plainText, !word.isEmpty else {
        throw ConfigurationError("expected the name of a key, found \(key.summary)", at: keyPlace)
      }
      try visit(value, as: name.isEmpty ? word : "\(name).\(word)", place: keyPlace, file: file)
    }
  }

  /// Throws unless `name` is a key or a section.
  private func checkName(_ name: String, place: String) throws(ConfigurationError) {
    var parent = ""
    for word in name.split(separator: ".", omittingEmptySubsequences: false).map(String.init) {
      let path = parent.isEmpty ? word : "\(parent).\(word)"
      if let unsupported = Configuration.unsupportedKeys.first(where: { $0.name == path }) {
        throw ConfigurationError("\(path): \(unsupported.problem)", at: place)
      }
      if let key = Configuration.keys.first(where: { $0.name == parent }) {
        throw ConfigurationError(
          "\(parent): expected \(key.expected), found a section with \(Quotation.of(word))", at: place)
      }
      let siblings = Self.children(of: parent)
      guard siblings.contains(word) else {
        let whereabouts = parent.isEmpty ? "" : " in \(parent)"
        throw ConfigurationError(
          "unknown key \(Quotation.of(word))\(whereabouts)\(Self.alternatives(to: word, among: siblings))",
          at: place)
      }
      parent = path
    }
  }

  /// The end of a message about a key that does not exist.
  private static func alternatives(to word: String, among siblings: [String]) -> String {
    if let near = Spelling.nearest(to: word, among: siblings) {
      return "; did you mean \(Quotation.of(near))?"
    }
    let elsewhere = Configuration.keys.map(\.name).filter { $0.hasSuffix(".\(word)") }
    if !elsewhere.isEmpty { return "; did you mean \(elsewhere.joined(separator: " or "))?" }
    return "; known keys are \(siblings.joined(separator: ", "))"
  }

  /// The names one level below a section, in the order of the table.
  private static func children(of section: String) -> [String] {
    let prefix = section.isEmpty ? "" : section + "."
    var children: [String] = []
    for key in Configuration.keys where key.name.hasPrefix(prefix) {
      let child = String(key.name.dropFirst(prefix.count).prefix { $0 != "." })
      if children.last != child { children.append(child) }
    }
    return children
  }

  private static func compose(_ yaml: String, at place: String) throws(ConfigurationError) -> Node? {
    do {
      return try Yams.compose(yaml: yaml)
    } catch {
      switch error as? YamlError {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        throw ConfigurationError("the YAML cannot be read: \(problem)", at: "\(place):\(mark.line)")
      case .reader(let problem, let offset, _, _):
        let line = offset.map { ":\(1 + yaml.prefix($0).count(where: \.isNewline))" } ?? ""
        throw ConfigurationError("the YAML cannot be read: \(problem)", at: place + line)
      case .duplicatedKeysInMapping(let duplicates, let context):
        let names = duplicates.map { Quotation.of($0) }.joined(separator: ", ")
        throw ConfigurationError("given twice in one section: \(names)", at: "\(place):\(context.mark.line)")
      default:
        throw ConfigurationError("the YAML cannot be read: \(error)", at: place)
      }
    }
  }
}
