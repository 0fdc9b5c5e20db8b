// The program of worker processes: predicts what the process that spawned it asks for.
#include "hornet/worker.h"

int main(int argc, char** argv) { return hornet::predict_worker_main(argc, argv); }
