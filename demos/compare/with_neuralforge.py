"""The same loop with a window around it, by `neuralforge.live`."""

import neuralforge as nf


async def train(model, optimizer, criterion, batches, passes):
    live = nf.live(model, optimizer, lr=(1e-5, 1e-1), momentum=(0.0, 0.99))
    for _ in range(passes):
        async for x, y in live(batches):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            live.log(loss=loss)
    live.close()


if __name__ == "__main__":
    import asyncio

    from task import parts

    asyncio.run(train(*parts(), passes=5))
