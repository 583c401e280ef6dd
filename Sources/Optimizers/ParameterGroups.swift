import Graph

/// Which tensors of a graph are trained, and which of these decay.
///
/// Running statistics are in no group: they follow the data, of frozen layers too, since training sees their data through the statistics of
/// the microbatch and evaluation through the running ones.
public struct ParameterGroups: Sendable, Equatable {
  public enum Decay: String, Sendable, CaseIterable {
    /// All tensors, as PyTorch's optimizers do by default.
    case all
    /// Those of two or more dimensions: not biases, nor the scales and shifts of norms.
    case matrices
  }

  /// Whether weight decay is for a tensor, by its index in the graph's parameters.
  public let decays: [Bool]
  /// Whether a tensor keeps its values: no update, and no share in the norm of all gradients.
  public let isFrozen: [Bool]

  /// - Parameter frozen: patterns: names such as `hidden.0.weight`, or prefixes with a star at the end, such as `blocks.0.*`.
  /// - Throws: for a pattern that matches no parameter, and where nothing is left to train.
  public init(_ graph: Graph, decay: Decay = .all, frozen patterns: [String] = [])
    throws(ParameterGroupsError)
  {
    let trainable = graph.parameters.map { $0.momentum == nil }
    decays = graph.parameters.map { $0.momentum == nil && (decay == .all || $0.shape.rank >= 2) }
    var isFrozen = trainable.map { _ in false }
    for pattern in patterns {
      let matches = graph.parameters.indices.filter {
        trainable[$0] && Self.matches(graph.parameters[$0].name, pattern)
      }
      if matches.isEmpty {
        let names = graph.parameters.filter { $0.momentum == nil }.map(\.name)
        let prefixes = pattern.hasSuffix("*") ? Self.prefixes(of: names) : []
        throw .noMatch(pattern, among: prefixes.isEmpty ? names : prefixes)
      }
      for index in matches { isFrozen[index] = true }
    }
    if !patterns.isEmpty, zip(trainable, isFrozen).allSatisfy({ !$0 || $1 }) { throw .nothingToTrain }
    self.isFrozen = isFrozen
  }

  private static func matches(_ name: String, _ pattern: String) -> Bool {
    pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
  }

  /// The patterns that end at a dot of a name: `blocks.*` and `blocks.0.*` of `blocks.0.bias`. Each once, in the names' order.
  private static func prefixes(of names: [String]) -> [String] {
    var found: [String] = []
    var seen: Set<String> = []
    for name in names {
      for dot in name.indices where name[dot] == "." {
        let pattern = name[...dot] + "*"
        if seen.insert(String(pattern)).inserted { found.append(String(pattern)) }
      }
    }
    return found
  }
}

/// Why parameters cannot be grouped as asked.
public enum ParameterGroupsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No parameter has a name that the pattern matches; `among` are the names there are or, for a prefix, the prefixes.
  case noMatch(_ pattern: String, among: [String])
  /// Every parameter is frozen.
  case nothingToTrain

  public var description: String {
    switch self {
    case .noMatch(let pattern, let known):
      "no parameter matches \"\(pattern)\"; there are \(known.prefix(8).joined(separator: ", "))"
        + (known.count > 8 ? ", ..." : "")
    case .nothingToTrain: "every parameter is frozen, and nothing is left to train"
    }
  }
}
