// Every operation of keras.ops that Hornet supports: one line each. Operations carry no masks.
#pragma once

// X(class name in Keras 3, function, mask rule, what it lowers to, options that are refused)
#define HORNET_OPERATIONS(X)
