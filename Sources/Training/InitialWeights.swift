import Checkpoints
import Datasets
import Foundation
import Graph
import MPI

extension Graph {
  /// Fills parameters from the file that a configuration names, running statistics included. Does nothing when it names none.
  ///
  /// Nothing has been written when what is wrong can be told from the file's header.
  ///
  /// - Parameter parameters: the initialised arena.
  /// - Returns: lines for the log: what was initialised without the file, and what of the file was not used.
  /// - Throws: `ConfigurationError` and `CheckpointError`, each with one line; also for values that are not finite.
  func load(_ configuration: Configuration.InitialWeights, into parameters: Arena) throws -> [String] {
    guard let weights = try InitialWeights(configuration, for: self) else { return [] }
    for source in weights.sources.sources {
      guard let parameter = self.parameters.first(where: { $0.name == source.parameter.name }) else {
        continue
      }
      try weights.sources.read(source, into: parameters[parameter.range])
      guard parameters[parameter.range].allSatisfy(\.isFinite) else {
        throw ConfigurationError(
          "tensor \(Quotation.of(source.tensor.name)) has values that are not finite",
          at: weights.sources.file.path)
      }
    }
    return weights.notes
  }
}

/// What a configuration's file of weights gives a model.
struct InitialWeights {
  let sources: WeightSources
  /// Lines for the log: what was initialised without the file, and what of the file was not used.
  let notes: [String]

  /// Reads the header of the file and finds a tensor for each parameter.
  ///
  /// - Returns: nil when the configuration names no file.
  init?(_ configuration: Configuration.InitialWeights, for graph: Graph) throws {
    guard let path = configuration.path else { return nil }
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let file = try SafetensorsFile(
      path: exists && isFolder.boolValue ? path + "/" + RunDirectory.weights : path)
    let parameters = graph.parameters.map { WeightSources.Parameter($0.name, shape: $0.shape.extents) }
    do throws(NameMapping.RuleError) {
      sources = WeightSources(
        parameters, from: file, mapping: try NameMapping(configuration.map),
        transposes: configuration.transpose)
    } catch {
      throw ConfigurationError("training.initial_weights.map: \(error)")
    }
    let problems = sources.mismatchLines + (configuration.missing == .error ? sources.missingLines : [])
    if !problems.isEmpty {
      throw ConfigurationError(Self.joined(problems), at: file.path)
    }
    var notes: [String] = []
    if !sources.missing.isEmpty {
      notes.append("\(file.path): initialised without it: \(Self.listed(sources.missing.map(\.name)))")
    }
    if !sources.unexpected.isEmpty {
      notes.append("\(file.path): not used: \(Self.listed(sources.unexpected.map(\.tensor.name)))")
    }
    self.notes = notes
  }

  /// As many problems as one line can bear.
  private static func joined(_ problems: [String]) -> String {
    let most = 4
    let rest = problems.count - most
    return problems.prefix(most).joined(separator: "; ") + (rest > 0 ? "; and \(rest) more like these" : "")
  }

  private static func listed(_ names: [String]) -> String {
    let most = 8
    let rest = names.count - most
    return names.prefix(most).map(TerminalText.oneLine).joined(separator: ", ")
      + (rest > 0 ? " and \(rest) more" : "")
  }
}

extension WeightSources {
  /// A line for each parameter that the file has no tensor for, with the tensor that may be meant.
  var missingLines: [String] {
    let unused = unexpected.map(\.name)
    return missing.map { parameter in
      let near = Spelling.nearest(to: parameter.name, among: unused)
      let advice =
        if let near, let index = unused.firstIndex(of: near) {
          "did you mean \(Quotation.of(unexpected[index].tensor.name))? Rename it in training.initial_weights.map"
        } else if let first = unexpected.first {
          "unused are \(Quotation.of(first.tensor.name))\(unexpected.count > 1 ? " and \(unexpected.count - 1) more" : ""); "
            + "rename one in training.initial_weights.map, or set training.initial_weights.missing to initialize"
        } else {
          "set training.initial_weights.missing to initialize"
        }
      return "parameter \(Quotation.of(parameter.name)) has no tensor there: \(advice)"
    }
  }

  private func turned(_ shape: [Int], _ tensor: SafetensorsFile.Tensor) -> String {
    shape == tensor.shape ? "" : " when transposed"
  }

  /// A line for each tensor that has a parameter's name and does not fit it.
  var mismatchLines: [String] {
    mismatches.map { mismatch in
      let (tensor, parameter) = (mismatch.tensor, mismatch.parameter)
      let renamed = tensor.name == parameter.name ? "" : " (for \(Quotation.of(parameter.name)))"
      let what = "tensor \(Quotation.of(tensor.name))\(renamed)"
      switch mismatch.reason {
      case .shape(let shape, fitsOtherwise: true):
        return
          "\(what) has shape \(shape)\(turned(shape, tensor)), expected \(parameter.shape): it fits the other way round, see "
          + "training.initial_weights.transpose"
      case .shape(let shape, fitsOtherwise: false):
        return
          "\(what) has shape \(shape)\(turned(shape, tensor)), expected \(parameter.shape); to leave it out, rename it in "
          + "training.initial_weights.map and set training.initial_weights.missing to initialize"
      case .type:
        return "\(what) has elements of \(tensor.type.rawValue), expected F32, BF16 or F16"
      case .taken(let other):
        return "\(what): \(Quotation.of(other)) has the same name already; see training.initial_weights.map"
      }
    }
  }
}
