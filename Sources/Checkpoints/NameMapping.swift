/// What the tensors of a file are called here: rules that rename them.
///
/// The first rule that fits a name renames it, and no other; a name that none fits stays. A rule's FROM is
/// - a prefix where it ends in a dot or is empty: `encoder.` to `blocks.`, `model.` to nothing, nothing to `encoder.`;
/// - else a whole name, in which `*` stands for any text of at least one letter, as little of it as possible: `h.*.attn.*` to
///   `blocks.*.attention.*`. The stars of TO take, one after the other, what those of FROM stand for.
public struct NameMapping: Sendable, Equatable {
  public struct Rule: Sendable, Equatable {
    public let from: String
    public let to: String
    /// Whether the tensors of this rule are transposed, whatever is said for the others; nil says nothing.
    public let transposes: Bool?

    /// - Throws: what is wrong with the rule, on one line.
    public init(from: String, to: String, transposes: Bool? = nil) throws(RuleError) {
      let (stars, taken) = (from.count { $0 == "*" }, to.count { $0 == "*" })
      if stars != taken {
        throw RuleError(
          "\(from)=\(to): expected as many stars on the right as on the left, found \(taken) and \(stars)")
      }
      if stars > 0, from.hasSuffix(".") {
        throw RuleError("\(from)=\(to): a prefix has no stars; end it with .* on both sides instead")
      }
      if from == to, transposes == nil { throw RuleError("\(from)=\(to): this changes nothing") }
      self.from = from
      self.to = to
      self.transposes = transposes
    }

    /// Reads `FROM=TO`, `FROM=TO transposed` or `FROM=TO as-is`.
    public init(_ text: String) throws(RuleError) {
      guard let equals = text.firstIndex(of: "=") else {
        throw RuleError("\(text): expected FROM=TO such as encoder.=blocks.")
      }
      var to = text[text.index(after: equals)...]
      var transposes: Bool?
      for (word, value) in [(" transposed", true), (" as-is", false)] where to.hasSuffix(word) {
        to = to.dropLast(word.count)
        transposes = value
      }
      try self.init(
        from: Self.trimmed(text[..<equals]), to: Self.trimmed(to), transposes: transposes)
    }

    private static func trimmed(_ text: Substring) -> String {
      var text = text
      while text.first == " " { text.removeFirst() }
      while text.last == " " { text.removeLast() }
      return String(text)
    }

    /// What a name becomes; nil when the rule does not fit it.
    func renamed(_ name: String) -> String? {
      if from.isEmpty || from.hasSuffix(".") {
        return name.hasPrefix(from) ? to + name.dropFirst(from.count) : nil
      }
      let parts = from.split(separator: "*", omittingEmptySubsequences: false)
      guard let texts = Self.texts(of: name[...], between: parts[...]) else { return nil }
      let kept = to.split(separator: "*", omittingEmptySubsequences: false)
      return zip(kept, texts + [""]).map { $0 + $1 }.joined()
    }

    /// What the stars between `parts` stand for in `name`; nil when the parts do not fit.
    private static func texts(of name: Substring, between parts: ArraySlice<Substring>) -> [Substring]? {
      guard let first = parts.first, name.hasPrefix(first) else { return nil }
      let rest = name.dropFirst(first.count)
      let following = parts.dropFirst()
      if following.isEmpty { return rest.isEmpty ? [] : nil }
      for end in rest.indices.dropFirst() + [rest.endIndex] where end > rest.startIndex {
        if let texts = texts(of: rest[end...], between: following) { return [rest[..<end]] + texts }
      }
      return nil
    }
  }

  /// What is wrong with a rule.
  public struct RuleError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
  }

  public let rules: [Rule]

  public init(_ rules: [Rule] = []) { self.rules = rules }

  /// Reads rules, each as `Rule.init(_:)` does.
  public init(_ texts: [String]) throws(RuleError) {
    var rules: [Rule] = []
    for text in texts { rules.append(try Rule(text)) }
    self.rules = rules
  }

  /// The name here of the file's `name`, and the rule that gave it.
  func renamed(_ name: String) -> (name: String, rule: Rule?) {
    for rule in rules {
      if let renamed = rule.renamed(name) { return (renamed, rule) }
    }
    return (name, nil)
  }
}
