import ArgumentParser
import Collectives
import Foundation

/// The network that is simulated: a measured model, numbers from a data sheet, or these in its place.
struct NetworkNumbers: ParsableArguments {
  @Option(help: "A network model: a JSON file of rondo bench network --json.")
  var model: String?

  @Option(help: "Microseconds of an empty message between nodes (without a model: 20).")
  var latencyUs: Double?

  @Option(help: "Gbit/s of a node's link (without a model: 10).")
  var bandwidthGbit: Double?

  @Option(help: "GB/s that a rank adds (without a model: 5).")
  var reductionGbps: Double?

  /// The model of the file, or of the defaults, with the options' numbers in it.
  ///
  /// - Parameter ranksPerNode: nil for the model's.
  func network(ranksPerNode: Int?) throws -> NetworkModel {
    var network = NetworkModel(
      latencySeconds: 20e-6, bandwidthBytesPerSecond: 1.25e9, reductionBytesPerSecond: 5e9)
    if let model { network = try Self.read(model) }
    if let ranksPerNode { network.ranksPerNode = ranksPerNode }
    if let latencyUs { network.latencySeconds = latencyUs * 1e-6 }
    if let bandwidthGbit { network.bandwidthBytesPerSecond = bandwidthGbit / 8 * 1e9 }
    if let reductionGbps { network.reductionBytesPerSecond = reductionGbps * 1e9 }
    if let fault = network.fault { throw ValidationError("the network: \(fault)") }
    return network
  }

  private static func read(_ path: String) throws -> NetworkModel {
    func refusal(_ problem: String) -> ValidationError {
      ValidationError(
        "--model \(path): \(problem); a network model is a JSON file that is measured, one for each cluster: mpirun -n RANKS --hostfile "
          + "HOSTS rondo bench network --json > network.json")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw refusal("there is no such file, or it cannot be read")
    }
    do {
      return try JSONDecoder().decode(NetworkModel.self, from: data)
    } catch DecodingError.keyNotFound(let key, _) {
      throw refusal("this is no network model, \(key.stringValue) is missing")
    } catch let DecodingError.typeMismatch(_, context) where context.codingPath.isEmpty {
      throw refusal("this is no network model, it is no JSON object")
    } catch let DecodingError.typeMismatch(_, context) {
      throw refusal(
        "\(context.codingPath.map(\.stringValue).joined(separator: ".")) is not of the right kind")
    } catch let DecodingError.dataCorrupted(context)
      where !context.codingPath.isEmpty || context.debugDescription.hasPrefix("network model: ")
    {
      throw refusal(context.debugDescription)
    } catch {
      throw refusal("this is no network model, it is no JSON")
    }
  }
}
