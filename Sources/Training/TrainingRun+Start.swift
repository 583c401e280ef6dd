import Collectives
import Datasets
import Logging
import MPI
import NeuralNetwork

// What comes before the first step. All of it is collective: all ranks go on, or all throw.
extension TrainingRun {
  /// The summary of the run in the output directory, if there is one and it came to its end. Collective.
  func finished(
    _ instruments: Instruments, on world: borrowing Communicator
  ) throws -> Summary? {
    let text = try instruments.agreed(.directory, on: world) {
      world.rank == 0 ? try RunPlace.finished(output, resume: resume, configuration: configuration) : ""
    }
    let common = try instruments.compute.collective(Collective(.directory)) { () throws(MPIError) in
      try world.broadcast(text, root: 0)
    }
    let parts = common.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else { return nil }
    // A rank that was killed at the very end has left it.
    if !parts[0].isEmpty { SurvivingState.remove(ofRun: parts[0]) }
    let summary = try Summary(json: parts[1])
    if world.rank == 0, !silent {
      var path = output ?? ""
      if output == nil, case .from(let run) = resume { path = run }
      Terminal.write((json ? summary.json() : "\(path): this run is finished") + "\n")
    }
    return summary
  }

  /// The data and the network over them, which fit into the memory that there is.
  ///
  /// - Parameter program: bytes that the process took before.
  func load(
    _ instruments: Instruments, program: Int, on world: borrowing Communicator
  ) throws -> (DatasetSplit, Network) {
    let data = try instruments.agreed(.data, on: world) {
      if let refusal = pool.refusal { throw CommonFailure(refusal) }
      try configuration.validate(ranks: world.size)
      return try configuration.loadData()
    }
    try instruments.compute.collective(Collective(.data)) { try data.checkIsSame(on: world) }
    let layout = try instruments.compute.collective(Collective(.preparation)) { () throws(MPIError) in
      if configuration.training.reproducible { try MixedKernels.warn(on: world) }
      return try HostLayout(of: world)
    }
    let network = try instruments.agreed(.network, on: world) {
      let network = try Trainer.network(configuration, data: data, model: model)
      // Before there is anything that would be left behind.
      try configuration.validate(network, data)
      if world.rank == 0, let doubt = configuration.doubt(data) {
        Logger(label: "rondo.training").warning("\(doubt)")
      }
      let rule = optimizer ?? ReadyMade.optimizer(configuration.training.optimizer)
      try RunMemory(
        configuration, network.graph, optimizer: rule, data: data,
        ranksPerHost: layout.ranksPerHost, areInBlocks: layout.isInBlocks, program: program,
        threads: pool.threads
      ).check()
      return network
    }
    return (data, network)
  }

  /// Where the run lives, on rank 0.
  func place(
    _ data: DatasetSplit, _ instruments: Instruments, on world: borrowing Communicator
  ) throws -> RunPlace? {
    try instruments.agreed(.directory, on: world) {
      guard world.rank == 0 else { return nil }
      let place = try RunPlace(output, resume: resume, configuration: configuration)
      if RunDirectory.isFinished(place.directory.path) { return place }
      do { try place.directory.write(Preprocessing(of: data)) } catch {
        place.directory.abandon()
        throw error
      }
      return place
    }
  }

  /// A trainer with the state that training begins with. Where it cannot begin, what was written for the run is taken back.
  func trainer(
    _ data: DatasetSplit, _ network: Network, _ place: RunPlace?, _ resumption: Resumption,
    _ instruments: Instruments, on world: borrowing Communicator
  ) throws -> Trainer {
    let trainer: Trainer
    do {
      trainer = try instruments.compute.collective(Collective(.state)) {
        try Trainer(
          configuration, data: data, network: network, optimizer: optimizer, pool: pool,
          instruments: instruments, resumption: resumption, world: world)
      }
    } catch let failure as any CommonError {
      place?.directory.abandon()
      throw failure
    }
    do {
      try trainer.collective(.directory) {
        try CommonFailure.agreed(on: world) {
          if trainer.step > trainer.totalSteps { throw Self.isOver(trainer, place) }
          try place?.directory.openMetrics(trainer.progress)
        }
      }
    } catch let failure as any CommonError {
      // What the run itself has left in memory is for the corrected command.
      if trainer.origin != .memory { trainer.state.file.unlinkName() }
      trainer.close()
      place?.directory.abandon()
      throw failure
    }
    return trainer
  }

  private static func isOver(_ trainer: Trainer, _ place: RunPlace?) -> CommonFailure {
    // A run that is taken up has the configuration that it began with.
    let remedy =
      place?.directory.isResumed == true ? "give it the data that it began with" : "let it have more steps"
    return CommonFailure(
      "training.steps: this run ends after step \(trainer.totalSteps), and what it begins with is the state after step "
        + "\(trainer.step); \(remedy)", exitStatus: 2)
  }
}
