internal import DockerEngine

// This file alone does not import the machine, which has a restart policy of its own: a module and
// a type in it are both called DockerEngine, so that the engine's cannot be named in full.
typealias EnginePolicy = RestartPolicy
