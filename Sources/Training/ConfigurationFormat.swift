import Datasets
import Yams

/// How one kind of value is written in YAML.
struct ConfigurationFormat<Value: Sendable & Equatable>: Sendable {
  /// What the value is, as a noun: `a whole number of at least 1`.
  let expected: String
  /// The value that a node stands for; nil when it stands for none.
  let read: @Sendable (Node) -> Value?
  /// The node that ``read`` takes back; nil for a value that is written by leaving the key out.
  let write: @Sendable (Value) -> Node?
  /// The words that are allowed, when these are few.
  var choices: [String] = []
}

extension ConfigurationFormat where Value == String {
  static var text: Self {
    Self(
      expected: "text",
      read: { $0.plainText.flatMap { $0.isEmpty ? nil : $0 } },
      write: { Node($0, .implicit, $0.isPlainYAML ? .plain : .doubleQuoted) })
  }
}

extension ConfigurationFormat where Value == String {
  /// A parameter, or all with a common beginning of their names.
  static var parameterPattern: Self {
    Self(
      expected:
        "a parameter's name such as head.weight, or a prefix with a star at its end such as blocks.0.*",
      read: { node in text.read(node).flatMap { $0.dropLast().contains("*") ? nil : $0 } },
      write: text.write)
  }
}

extension ConfigurationFormat where Value == Bool {
  static var flag: Self {
    Self(
      expected: "true or false",
      read: { ["true": true, "false": false][$0.plainText ?? ""] },
      write: { Node($0 ? "true" : "false") })
  }
}

extension ConfigurationFormat where Value == Int {
  /// A number whose products with the like stay far from overflow: at most 2^31.
  static func whole(from minimum: Int) -> Self { whole(from: minimum, toPowerOf2: 31) }

  static func whole(from minimum: Int, toPowerOf2 exponent: Int) -> Self {
    Self(
      expected: "a whole number from \(minimum) to 2^\(exponent)",
      read: {
        $0.plainText.flatMap { Int($0) }.flatMap { (minimum...1 << exponent).contains($0) ? $0 : nil }
      },
      write: { Node(String($0)) })
  }

  /// Bytes, with or without a unit: `4096`, `25MiB`, `1 MB`.
  static func bytes(from minimum: Int) -> Self {
    let least = minimum > 0 ? "of at least \(minimum) bytes such as 4096" : "such as 0"
    return Self(
      expected: "a size \(least), 512KiB or 25MiB",
      read: { $0.plainText.flatMap(bytes(of:)).flatMap { $0 >= minimum ? $0 : nil } },
      write: { Node(text(ofBytes: $0)) })
  }

  private static let units: [(name: String, bytes: Int)] = [
    ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("KB", 1000), ("B", 1),
  ]

  private static func bytes(of text: String) -> Int? {
    let unit = units.first { text.hasSuffix($0.name) }
    var number = text.dropLast(unit?.name.count ?? 0)
    while number.last == " " { number.removeLast() }
    guard let count = Int(number) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: unit?.bytes ?? 1)
    return overflow ? nil : bytes
  }

  private static func text(ofBytes bytes: Int) -> String {
    for unit in units.prefix(3) where bytes.isMultiple(of: unit.bytes) && bytes > 0 {
      return "\(bytes / unit.bytes)\(unit.name)"
    }
    return String(bytes)
  }
}

extension ConfigurationFormat where Value == UInt64 {
  static var seed: Self {
    Self(
      expected: "a whole number of at least 0 and below 2^64",
      read: { $0.plainText.flatMap { UInt64($0) } },
      write: { Node(String($0)) })
  }
}

extension ConfigurationFormat where Value == Double {
  /// A finite number for which `isAllowed` is true; `range` says when that is, in words.
  static func number(_ range: String, _ isAllowed: @escaping @Sendable (Double) -> Bool) -> Self {
    Self(
      expected: "a number \(range)",
      read: { node in
        // Swift would also read hexadecimal numbers and the names of infinity.
        guard let text = node.plainText, text.allSatisfy({ "0123456789+-.eE".contains($0) }),
          let number = Double(text), number.isFinite, isAllowed(number)
        else { return nil }
        return number
      },
      write: { Node($0.description) })
  }
}

extension ConfigurationFormat where Value == Double {
  /// A number that is used as a float: what it is rounded to is to be allowed too.
  static func float(_ range: String, _ isAllowed: @escaping @Sendable (Double) -> Bool) -> Self {
    number(range) { number in
      let rounded = Double(Float(number))
      return rounded.isFinite && isAllowed(number) && isAllowed(rounded)
    }
  }

  static var belowOne: Self { float("from 0 to below 1") { 0 <= $0 && $0 < 1 } }
}

extension ConfigurationFormat where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static var choice: Self {
    let words = Value.allCases.map(\.rawValue)
    return Self(
      expected: words.count == 1 ? words[0] : "one of " + words.joined(separator: ", "),
      read: { $0.plainText.flatMap { Value(rawValue: $0) } },
      write: { Node($0.rawValue) }, choices: words)
  }
}

extension ConfigurationFormat {
  static func list<Element>(
    _ element: ConfigurationFormat<Element>, such example: String = "[256, 128]"
  ) -> Self where Value == [Element] {
    Self(
      expected: "a list such as \(example), each \(element.expected)",
      read: { node in
        guard case .sequence(let sequence) = node else { return nil }
        let elements = sequence.compactMap(element.read)
        return elements.count == sequence.count ? elements : nil
      },
      write: { Node($0.compactMap(element.write), .implicit, .flow) })
  }

  /// A value that may be missing. Only leaving the key out says so.
  static func optional<Wrapped>(_ wrapped: ConfigurationFormat<Wrapped>) -> Self where Value == Wrapped? {
    Self(
      expected: wrapped.expected,
      read: { node in wrapped.read(node).map { .some($0) } },
      write: { $0.flatMap(wrapped.write) }, choices: wrapped.choices)
  }
}

extension ConfigurationFormat where Value == Configuration.Loss.ClassWeights {
  /// A word, or a list of numbers.
  static var classWeights: Self {
    let word = "balanced"
    let numbers = ConfigurationFormat<[Double]>.list(
      .number("of at least 0") { $0 >= 0 }, such: "[1, 2.5]")
    return Self(
      expected: "\(word) or \(numbers.expected)",
      read: { node in
        if node.plainText == word { return .balanced }
        return numbers.read(node).flatMap { $0.contains { $0 > 0 } ? .each($0) : nil }
      },
      write: { weights in
        if case .each(let list) = weights { return numbers.write(list) }
        return Node(word)
      }, choices: [word])
  }
}

extension Node {
  /// The text of a scalar; nil for anything else and for an unquoted null.
  var plainText: String? {
    guard case .scalar(let scalar) = self else { return nil }
    let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    return isNull ? nil : scalar.string
  }

  /// What a message says was found.
  var summary: String {
    switch self {
    case .scalar: plainText.map(Quotation.of) ?? "nothing"
    case .sequence(let sequence):
      "[" + sequence.prefix(8).map { $0.plainText ?? "..." }.joined(separator: ", ")
        + (sequence.count > 8 ? ", ...]" : "]")
    case .mapping: "a section"
    case .alias(let alias): "*\(alias.anchor.rawValue)"
    }
  }
}

extension String {
  /// Whether the text means itself in YAML without quotation marks, in every version of YAML and every parser.
  fileprivate var isPlainYAML: Bool {
    guard let first = unicodeScalars.first, first.isASCII, first.properties.isAlphabetic || first == "/"
    else { return false }
    let isNameLike = unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || "0123456789/._-".unicodeScalars.contains($0))
    }
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    return isNameLike && !words.contains(lowercased())
  }
}
