import { mount } from 'svelte'
import './app.css'
import App from './App.svelte'
import { city } from './city/city.svelte'

mount(App, { target: document.getElementById('app')! })
void city.start()
