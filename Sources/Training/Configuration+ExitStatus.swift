import Datasets
import MPI

// A job whose ranks give up because of one of these ends with the status for wrong usage or configuration.
extension ConfigurationError: ExitStatusError {}
extension DatasetError: ExitStatusError {}
