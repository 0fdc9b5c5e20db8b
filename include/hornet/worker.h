// The worker program of predict() with processes, for models with layers of your own.
#pragma once

#include <vector>

#include "hornet/custom_layer.h"

namespace hornet {

// The main function of a program to be given as PredictOptions::worker_program: what hornet-worker
// does, with these layers. Changes malloc() for the process (hornet/memory.h). Returns the exit
// code.
//   int main(int argc, char** argv) { return hornet::predict_worker_main(argc, argv, my_layers());
//   }
int predict_worker_main(int argc, char** argv,
                        const std::vector<CustomLayerDefinition>& custom_layers = {});

}  // namespace hornet
