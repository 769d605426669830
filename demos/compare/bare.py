"""A training loop as one writes it, with nothing around it."""


async def train(model, optimizer, criterion, batches, passes):
    for _ in range(passes):
        for x, y in batches:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()


if __name__ == "__main__":
    import asyncio

    from task import parts

    asyncio.run(train(*parts(), passes=5))
