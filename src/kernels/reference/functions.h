// The functions of one and two numbers behind Unary and Binary, in double precision and in exact
// integer arithmetic.
#pragma once

#include <string>

#include "graph/ops/elementwise.h"

namespace hornet::kernels::reference {

// f(x) for real x; 1 or 0 for predicates. NaN stays NaN where nothing else is said.
double apply(const graph::UnaryFunction& function, double x);
// g(x, y) likewise.
double apply(graph::BinaryKind kind, double x, double y);

bool is_predicate(graph::UnaryKind kind);
bool is_predicate(graph::BinaryKind kind);

// Whether the function is defined for integers (giving integers or bool) and for bool.
bool takes_integers(graph::UnaryKind kind);
bool takes_bool(graph::UnaryKind kind);
bool takes_integers(graph::BinaryKind kind);
bool takes_bool(graph::BinaryKind kind);
// False for the bit functions.
bool takes_floats(graph::UnaryKind kind);
bool takes_floats(graph::BinaryKind kind);

// Integers wrap around as numpy's. Division by 0 gives 0; a negative exponent gives the power
// rounded towards 0 (0 for base 0); a shift by a negative count or by all bits leaves only the
// sign.
template <class T>
T apply_integer(const graph::UnaryFunction& function, T x);
template <class T>
T apply_integer(graph::BinaryKind kind, T x, T y);

}  // namespace hornet::kernels::reference
