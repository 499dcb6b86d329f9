// Signing in by a passkey. Without script, links and the provider still work; the button is shown only where it can do something.

const box = document.getElementById('passkey')
const problem = document.getElementById('passkey-problem')

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const told = await answer.json()
  if (!answer.ok) throw new Error(told.detail)
  return told
}

async function signIn() {
  problem.hidden = true
  try {
    const asked = await post('/sign-in/passkey/ask')
    const proof = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) })
    await post('/sign-in/passkey', proof.toJSON())
    location.assign('/')
  } catch (error) {
    problem.textContent = error.name === 'NotAllowedError' ? 'No passkey was used.' : error.message
    problem.hidden = false
  }
}

if (box && window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  box.hidden = false
  box.querySelector('button').addEventListener('click', signIn)
}
