import Datasets
import Graph

/// From samples to the gradients that this rank brings to a step.
extension Trainer {
  /// Computes the gradients of this rank's microbatches. Buckets go on their way as backward leaves them.
  ///
  /// - Returns: what this rank has to say in the step's verdict.
  func computeGradients() -> StepVerdict {
    let training = configuration.training
    let spans = instruments.compute.spans
    let first = prepareOrder()
    var verdict = StepVerdict()
    leaves.begin()
    for microbatch in leaves.run {
      let firstSample = microbatch * training.microbatch
      let number = microbatch - leaves.run.lowerBound
      spans.begin(.load, number)
      load(data.train, epochOrder, first + firstSample)
      spans.end()
      spans.begin(.forward, number)
      executor.forward(training: true, at: Position(step: step, firstSample: firstSample))
      var sum = 0.0
      for loss in executor.value(of: network.loss, training: true) { sum += Double(loss) }
      verdict.add(loss: sum / Double(network.lossesPerSample))
      spans.end()
      spans.begin(.backward, number)
      let target = leaves.begin(microbatch)
      executor.backward(
        scale: 1 / Float(training.batch * network.lossesPerSample), into: target.arena,
        mode: target.mode
      ) { watermark, _ in
        leaves.reached(watermark)
        reducer.reached(leaves.watermark)
      }
      leaves.end()
      spans.end()
    }
    if !leaves.areFinite { verdict.notFinite = 1 }
    if leaves.areLarge { verdict.large = 1 }
    report(&verdict)
    return verdict
  }

  /// Makes the order of the samples of the step's epoch, where it is not there.
  ///
  /// - Returns: the place in it of the step's first sample.
  private func prepareOrder() -> Int {
    let (epoch, stepOfEpoch) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    if epoch != orderedEpoch {
      instruments.compute.spans.begin(.load)
      var span = epochOrder.mutableSpan
      order.write(&span, epoch: epoch)
      instruments.compute.spans.end()
      orderedEpoch = epoch
    }
    return SampleOrder.positions(step: stepOfEpoch, batch: configuration.training.batch).lowerBound
  }

  /// Copies the microbatch at `first` of `samples` into the network's inputs, for training.
  private func load(_ data: Dataset, _ samples: [Int], _ first: Int) {
    samples.withUnsafeBufferPointer { samples in
      let rows = UnsafeBufferPointer(rebasing: samples[first..<first + network.graph.microbatch])
      network.load(data, rows, into: executor, training: true)
    }
  }
}
