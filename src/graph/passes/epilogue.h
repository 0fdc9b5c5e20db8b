// What passes ask of operators with an Epilogue.
#pragma once

#include "graph/ops/contraction.h"

namespace hornet::graph {

// Null for operators without one.
const Epilogue* epilogue_of(const Op& op);

}  // namespace hornet::graph
