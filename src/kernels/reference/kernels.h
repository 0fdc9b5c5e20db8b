// Plain-loop kernels, one an operator, written from the operator's definition alone: float32
// storage, double where it sums. The oracle of the tests and the last resort of the table.
#pragma once

#include "kernels/kernel.h"

namespace hornet::kernels::reference {

KernelOffer unary(const KernelRequest& request);
KernelOffer binary(const KernelRequest& request);
KernelOffer select(const KernelRequest& request);
KernelOffer cast(const KernelRequest& request);
KernelOffer contraction(const KernelRequest& request);
KernelOffer matmul(const KernelRequest& request);
KernelOffer attention(const KernelRequest& request);
KernelOffer conv(const KernelRequest& request);
KernelOffer conv_transpose(const KernelRequest& request);
KernelOffer pool(const KernelRequest& request);
KernelOffer adaptive_pool(const KernelRequest& request);
KernelOffer reduce(const KernelRequest& request);
KernelOffer softmax(const KernelRequest& request);
KernelOffer layer_norm(const KernelRequest& request);
KernelOffer lstm(const KernelRequest& request);
KernelOffer gru(const KernelRequest& request);
KernelOffer simple_rnn(const KernelRequest& request);
KernelOffer conv_lstm(const KernelRequest& request);
KernelOffer lookup(const KernelRequest& request);
KernelOffer hash_integers(const KernelRequest& request);
KernelOffer reshape(const KernelRequest& request);
KernelOffer transpose(const KernelRequest& request);
KernelOffer concat(const KernelRequest& request);
KernelOffer slice(const KernelRequest& request);
KernelOffer pad(const KernelRequest& request);
KernelOffer gather(const KernelRequest& request);
KernelOffer positions(const KernelRequest& request);
KernelOffer broadcast_to(const KernelRequest& request);
KernelOffer arg_reduce(const KernelRequest& request);
KernelOffer sort(const KernelRequest& request);
KernelOffer take_along(const KernelRequest& request);
KernelOffer scatter(const KernelRequest& request);
KernelOffer slice_at(const KernelRequest& request);
KernelOffer update_at(const KernelRequest& request);
KernelOffer roll(const KernelRequest& request);
KernelOffer diagonal(const KernelRequest& request);
KernelOffer cumulative(const KernelRequest& request);
KernelOffer quantile(const KernelRequest& request);
KernelOffer linalg(const KernelRequest& request);
KernelOffer einsum(const KernelRequest& request);
KernelOffer custom(const KernelRequest& request);
KernelOffer fft(const KernelRequest& request);
KernelOffer resize_image(const KernelRequest& request);
KernelOffer map_coordinates(const KernelRequest& request);

}  // namespace hornet::kernels::reference
