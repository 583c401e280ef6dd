import Yams

/// One key of the configuration: what it is called, where its value lies, how it is written, and when it has a meaning.
struct ConfigurationKey: Sendable {
  /// Dotted: `training.optimizer.learning_rate`.
  let name: String
  let expected: String
  let choices: [String]
  /// The key whose value decides whether this one has a meaning, and what its default is.
  let decidedBy: String?
  /// Why the key has no meaning with the rest of a configuration; nil when it has one.
  let isOutOfPlace: @Sendable (Configuration) -> String?
  /// Sets the value; false when the node is no such value.
  let assign: @Sendable (inout Configuration, Node) -> Bool
  /// The value as a node; nil for a value that is written by leaving the key out.
  let node: @Sendable (Configuration) -> Node?
  /// Whether `assign` would take the value back: a configuration built in Swift may hold one out of range.
  let isValid: @Sendable (Configuration) -> Bool
  let isDefault: @Sendable (Configuration) -> Bool

  init<Value>(
    _ name: String, _ path: WritableKeyPath<Configuration, Value> & Sendable,
    _ format: ConfigurationFormat<Value>, only condition: Condition? = nil
  ) {
    self.name = name
    expected = format.expected
    choices = format.choices
    decidedBy = condition?.key
    isOutOfPlace = { condition?.reason($0) }
    assign = { configuration, node in
      guard let value = format.read(node) else { return false }
      configuration[keyPath: path] = value
      return true
    }
    node = { format.write($0[keyPath: path]) }
    isValid = { configuration in
      guard let node = format.write(configuration[keyPath: path]) else { return true }
      return format.read(node) == configuration[keyPath: path]
    }
    isDefault = { $0[keyPath: path] == Configuration()[keyPath: path] }
  }

  /// What must hold elsewhere for a key to have a meaning.
  struct Condition: Sendable {
    /// The key whose value it is about; nil where it is about several.
    let key: String?
    let reason: @Sendable (Configuration) -> String?

    /// `key` is the name of the value at `path`, which must be one of `values`.
    static func with<Value: RawRepresentable & Equatable & Sendable>(
      _ key: String, _ path: KeyPath<Configuration, Value> & Sendable, anyOf values: [Value]
    ) -> Self where Value.RawValue == String {
      Self(key: key) { configuration in
        let found = configuration[keyPath: path]
        if values.contains(found) { return nil }
        let names = values.map(\.rawValue).joined(separator: ", ")
        return "it has no meaning with \(key): \(found.rawValue), only with \(names)"
      }
    }

    static func unless(_ isOutOfPlace: @escaping @Sendable (Configuration) -> Bool, _ reason: String) -> Self
    {
      Self(key: nil) { isOutOfPlace($0) ? reason : nil }
    }

    /// This, and one more condition.
    func unless(_ isOutOfPlace: @escaping @Sendable (Configuration) -> Bool, _ reason: String) -> Self {
      Self(key: key) { self.reason($0) ?? (isOutOfPlace($0) ? reason : nil) }
    }
  }
}
